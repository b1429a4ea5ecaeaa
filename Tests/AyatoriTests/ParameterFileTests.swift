import Ayatori
import Testing

@Suite struct ParameterFileTests {
  static let graphText = """
    graph g {
      param w: f32[2] init zeros
      param b: f32[] init zeros
      loss = sum(square(w)) + b
      output loss
    }
    """
  static let arrays: [(name: String, array: NDArray)] = [
    ("w", NDArray([Float(1), 2], shape: [2])), ("b", NDArray([Float(3)], shape: [])),
  ]

  @Test func readsBothKinds() throws {
    let graph = try Oracle.graph(text: Self.graphText)
    try DataFiles.withDirectory { directory in
      try writeNPZ(Self.arrays, to: directory + "/p.npz")
      try SafetensorsFile(tensors: Self.arrays).write(to: directory + "/p.safetensors")
      for name in ["p.npz", "p.safetensors"] {
        let parameters = try loadParameters(directory + "/" + name, for: graph)
        #expect(parameters["w"] == Self.arrays[0].array && parameters["b"] == Self.arrays[1].array)
        #expect(parameters.count == 2)
        #expect(try CompiledGraph(graph).run(parameters: parameters)["loss"]?.floats == [8])
      }
    }
  }

  /// A state_dict saved as it is: nn.Linear has the same layout under other names.
  @Test func pytorchNamesAreUnderstoodAndSaid() throws {
    let graph = try Oracle.graph(
      text: """
        graph g { layer fc = linear(2, 3) init zeros
        loss = sum(square(fc.W)) + sum(fc.b) output loss }
        """)
    let weight = NDArray([Float](repeating: 1, count: 6), shape: [3, 2])
    let bias = NDArray([Float](repeating: 2, count: 3), shape: [3])
    try DataFiles.withDirectory { directory in
      let path = directory + "/p.safetensors"
      try SafetensorsFile(tensors: [("fc.weight", weight), ("fc.bias", bias)]).write(to: path)
      var notes: [String] = []
      let parameters = try loadParameters(path, for: graph) { notes.append($0) }
      #expect(parameters == ["fc.W": weight, "fc.b": bias])
      #expect(notes.count == 1 && notes[0].hasPrefix("2 arrays of "))
      // Both names at once are one too many.
      try SafetensorsFile(
        tensors: [("fc.weight", weight), ("fc.W", weight), ("fc.b", bias)]
      ).write(to: path)
      let found = Oracle.diagnostics { _ = try loadParameters(path, for: graph) }
      #expect(found.map(\.id) == ["unknown-parameter"])
    }
  }

  /// A checkpoint holds more than the parameters; any other file must not.
  @Test func extraArraysPassInCheckpointsOnly() throws {
    let graph = try Oracle.graph(text: Self.graphText)
    let arrays = Self.arrays + [(name: "adam.m.w", array: Self.arrays[0].array)]
    try DataFiles.withDirectory { directory in
      let path = directory + "/p.safetensors"
      try SafetensorsFile(tensors: arrays, metadata: ["format": "ayatori-checkpoint"])
        .write(to: path)
      #expect(try loadParameters(path, for: graph).keys.sorted() == ["b", "w"])
      try SafetensorsFile(tensors: arrays, metadata: ["format": "pt"]).write(to: path)
      let found = Oracle.diagnostics { _ = try loadParameters(path, for: graph) }
      #expect(found.map(\.id) == ["unknown-parameter"])
    }
  }

  @Test func unknownAndMissingComeAtOnce() throws {
    let graph = try Oracle.graph(text: Self.graphText)
    try DataFiles.withDirectory { directory in
      let path = directory + "/p.npz"
      try writeNPZ(
        [(name: "ww", array: Self.arrays[0].array), (name: "q", array: Self.arrays[1].array)],
        to: path)
      let found = Oracle.diagnostics { _ = try loadParameters(path, for: graph) }
      #expect(
        found.map(\.id) == [
          "unknown-parameter", "unknown-parameter", "missing-parameter", "missing-parameter",
        ])
      #expect(found[0].fix == "did you mean 'w'?" && found[1].fix == nil)
      #expect(found[2].expected == "'w': f32[2]")
    }
  }

  @Test func otherFilesAreRefused() throws {
    let graph = try Oracle.graph(text: Self.graphText)
    try DataFiles.withDirectory { directory in
      for (name, id) in [
        ("p.pt", "parameter-file"), ("absent.npz", "file-not-found"),
        ("absent.safetensors", "file-not-found"), ("junk.npz", "zip-magic"),
      ] {
        if name == "junk.npz" { try AtomicFile.write([1, 2, 3], to: directory + "/" + name) }
        let found = Oracle.diagnostics {
          _ = try loadParameters(directory + "/" + name, for: graph)
        }
        #expect(found.map(\.id) == [id], "\(name)")
      }
    }
  }

  @Test func wrongShapesAreRefusedByTheRun() throws {
    let graph = try Oracle.graph(text: Self.graphText)
    let found = Oracle.diagnostics {
      _ = try CompiledGraph(graph).run(parameters: ["w": NDArray([Float(1)], shape: [1])])
    }
    #expect(found.map(\.id) == ["fed-shape"])
  }
}
