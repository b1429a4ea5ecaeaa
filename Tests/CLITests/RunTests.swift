import Ayatori
import Foundation
import Testing

@Suite struct RunTests {
  static let small = ["--dim", "D=13", "--dim", "H=11", "--dim", "Z=3"]
  static let oracle = Tool.root + "Tests/AyatoriTests/Fixtures/oracle/"

  private static func float(_ values: [Float], _ shape: [Int]) -> NDArray {
    NDArray(values, shape: shape)
  }

  /// Arrays in, noise among them, and outputs with gradients out: PyTorch's numbers.
  @Test(arguments: ["f32", "f64"])
  func arraysInAndOut(dtype: String) throws {
    try Tool.withDirectory { directory in
      let stem = Self.oracle + "vae_pytorch_small_\(dtype)"
      let result = try Tool.run(
        ["run", "Graphs/vae_pytorch.aya"] + Self.small + [
          "--inputs", stem + "_inputs.npz", "--params", stem + "_params.npz", "--dtype", dtype,
          "--outputs", "loss,mu,recon", "--grad", "loss", "--wrt", "z,fc1.W", "-o", "out.npz",
        ], in: directory)
      expectFine(result)
      let names = ["loss", "mu", "recon", "d_loss/d_z", "d_loss/d_fc1.W"]
      let lines = result.out.split(separator: "\n")
      #expect(lines.map { String($0.split(separator: " ")[0]) } == names)
      #expect(result.err == "wrote 5 arrays to out.npz\n")
      let arrays = try readNPZ(directory + "out.npz")
      #expect(arrays.map(\.name) == names)
      let expected = Dictionary(
        try readNPZ(stem + "_expected\(dtype == "f32" ? "_wide" : "").npz")
          .map { ($0.name, $0.array) }, uniquingKeysWith: { a, _ in a })
      for (name, array) in arrays {
        let wanted = try #require(expected[name])
        #expect("\(array.dtype)" == dtype && array.shape == wanted.shape)
        let largest = wanted.doubles.reduce(0) { max($0, abs($1)) }
        let tolerance = (dtype == "f32" ? 1e-4 : 1e-11) * largest
        for (a, b) in zip(array.doubles, wanted.doubles) { #expect(abs(a - b) <= tolerance) }
      }
    }
  }

  @Test func aSeedIsARun() throws {
    func draw(_ flags: [String]) throws -> String {
      let result = try Tool.run(["run", Tool.graphs + "rsample.aya"] + flags)
      expectFine(result)
      return result.out
    }
    #expect(try draw(["--seed", "1"]) == draw(["--seed", "1"]))
    #expect(try draw(["--seed", "1"]) != draw(["--seed", "2"]))
    #expect(try draw(["--seed", "1"]) != draw(["--seed", "1", "--step", "1"]))
    #expect(try draw(["--seed", "18446744073709551615"]).hasPrefix("z = "))
    // One stream for both dtypes.
    let (narrow, wide) = (
      try draw(["--seed", "1"]).dropFirst(4).dropLast(),
      try draw(["--seed", "1", "--dtype", "f64"]).dropFirst(4).dropLast()
    )
    #expect(try #require(Double(wide)) != 0)
    #expect(abs(try #require(Float(narrow)) - Float(try #require(Double(wide)))) < 1e-6)
  }

  @Test func decoderAlone() throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [(name: "z", array: NDArray(zeros: .f32, shape: [2, 3]))], to: directory + "z.npz")
      let flags = ["run", "Graphs/vae_pytorch.aya"] + Self.small + ["--inputs", "z.npz"]
      let result = try Tool.run(flags + ["--outputs", "recon"], in: directory)
      expectFine(result)
      #expect(result.out.hasPrefix("recon = f32[2, 13] min "))
      expectRefusal(try Tool.run(flags, in: directory), 1, ["not-fed"])
    }
  }

  /// The value is given, and that it lacks a part is said.
  @Test func aCutGradientIsTold() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          param mu: f32[] init constant(0.5)
          param lv: f32[] init zeros
          z ~ normal(mean: mu, log_variance: lv) estimator stopped
          loss = square(z) + kl_normal(mean: mu, log_variance: lv)
          output loss
        }
        """, to: directory + "g.aya")
      let result = try Tool.run(
        ["run", "g.aya", "--grad", "loss", "--wrt", "mu"], in: directory)
      #expect(result.status == 0 && result.ids == ["gradient-cut"])
      #expect(result.out.hasSuffix("d_loss/d_mu = 0.5\n"))
      #expect(
        result.err.contains("the estimator 'stopped' cuts the path; 'pathwise' would open it"))
      let train = try Tool.run(["print", "g.aya", "--stage", "gradient"], in: directory)
      #expect(train.ids == ["gradient-cut"])
    }
  }

  @Test func resultsThatCannotBeWrittenAreAnError() throws {
    for command in ["check", "print", "dot"] {
      let result = try Tool.launch(
        "/bin/sh", ["-c", "'\(Tool.binary)' \(command) '\(Tool.graphs)rsample.aya' > /dev/full"])
      #expect(result.status == 1 && result.ids == ["cannot-write"], "\(command): \(result.err)")
    }
  }

  /// What every kind of value looks like on a line.
  @Test func summaries() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          dim E = 0
          param p: f32[3] init constant(0.5)
          param e: f32[E] init zeros
          param m: f32[3, 4] init constant(1.0)
          n = argmax(p)  t = p > 0  s = sum(p)  r = m / 0
          output p, e, m, n, t, s, r
        }
        """, to: directory + "g.aya")
      let result = try Tool.run(["run", "g.aya"], in: directory)
      #expect(result.status == 2 && result.ids == ["not-finite"])
      #expect(result.err.contains("12 of 12 elements of 'r' are not finite"))
      #expect(
        result.out == """
          p = f32[3] 0.5 0.5 0.5
          e = f32[0]
          m = f32[3, 4] min 1.0 mean 1 max 1.0
          n = 0
          t = bool[3] true true true
          s = 1.5
          r = f32[3, 4]  (12 not finite)

          """)
    }
  }

  static let x = (name: "x", array: NDArray(zeros: .f32, shape: [2, 13]))

  @Test(
    arguments: [
      ("fed-shape", [(name: "x", array: NDArray(zeros: .f32, shape: [13]))], []),
      ("conflicting-size", [(name: "x", array: NDArray(zeros: .f32, shape: [2, 12]))], []),
      ("conflicting-size", [x], ["--dim", "N=3"]),
      ("conflicting-size", [x, (name: "z.eps", array: NDArray(zeros: .f32, shape: [3, 3]))], []),
      ("fed-dtype", [(name: "x", array: NDArray(zeros: .f64, shape: [2, 13]))], []),
      ("fed-dtype", [(name: "x", array: NDArray(zeros: .i64, shape: [2, 13]))], []),
      ("unknown-node", [x, (name: "zz", array: NDArray(zeros: .f32, shape: []))], []),
      ("unknown-node", [x], ["--outputs", "mus"]), ("unknown-override", [x], ["--dim", "Q=1"]),
      ("unknown-node", [x], ["--grad", "loss", "--wrt", "mus"]),
      ("no-gradient", [x], ["--grad", "kld", "--wrt", "fc3.W"]),
      ("root-not-scalar", [x], ["--grad", "recon", "--wrt", "mu"]),
      ("not-fed", [], ["--dim", "N=2"]), ("not-fed", [], []),
      ("file-not-found", [x], ["--params", "absent.npz"]),
      ("parameter-file", [x], ["--params", "Graphs/README.md"]),
      ("file-not-written", [x], ["-o", "absent/out.npz"]),
    ] as [(String, [(name: String, array: NDArray)], [String])])
  func refusalsLeaveNothing(
    id: String, arrays: [(name: String, array: NDArray)], flags: [String]
  ) throws {
    try Tool.withDirectory { directory in
      try writeNPZ(arrays, to: directory + "in.npz")
      let result = try Tool.run(
        ["run", "Graphs/vae_pytorch.aya", "--inputs", "in.npz", "-o", "out.npz"] + Self.small
          + flags, in: directory)
      expectRefusal(result, 1, [id])
      #expect(try Tool.files(in: directory) == ["in.npz"])
    }
  }

  /// An output and a gradient of one name: neither takes the place of the other.
  @Test func dont_callTwoResultsTheSame() throws {
    try Tool.withDirectory { directory in
      try Tool.write(
        """
        graph g {
          param mu: f32[] init constant(0.5)
          "d_z/d_mu" = mu * 3.0
          z = mu * mu
          output z, "d_z/d_mu"
        }
        """, to: directory + "g.aya")
      for arguments in [
        ["run", "g.aya", "--grad", "z", "--wrt", "mu", "-o", "o.npz"],
        ["run", "g.aya", "--outputs", "d_z/d_mu", "--grad", "z", "--wrt", "mu"],
        ["print", "g.aya", "--stage", "gradient", "--loss", "z"],
      ] {
        let refused = try Tool.run(arguments, in: directory)
        expectRefusal(refused, 1, ["gradient-name"])
        #expect(refused.err.contains("g.aya:3:16: error: "), "\(refused.err)")
        #expect(refused.err.contains("the gradient of 'z' by 'mu'"), "\(refused.err)")
      }
      let files = try Tool.files(in: directory)
      #expect(files == ["g.aya"])
      // A node that nobody asked for may have the name, and a training step hands no gradient back.
      let alone = try Tool.run(
        ["run", "g.aya", "--outputs", "z", "--grad", "z", "--wrt", "mu"], in: directory)
      expectFine(alone)
      #expect(alone.out == "z = 0.25\nd_z/d_mu = 1.0\n")
      let training = ["plan", "g.aya", "--train", "--loss", "z"]
      expectFine(try Tool.run(training, in: directory))
      let plain = try Tool.run(["run", "g.aya"], in: directory)
      #expect(plain.out.contains("d_z/d_mu = 1.5\n"))
    }
  }

  @Test func parametersMustBeTheGraphs() throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [(name: "mus", array: Self.float([1], [])), (name: "logvar", array: Self.float([0], []))],
        to: directory + "p.npz")
      let result = try Tool.run(
        ["run", "Graphs/linear_gaussian.aya", "--params", "p.npz"], in: directory)
      expectRefusal(result, 1, ["unknown-parameter", "missing-parameter"])
      #expect(result.err.contains("did you mean 'mu'?"))
    }
  }

  /// Files that are no archives, whatever else they are.
  @Test(arguments: ["", "PK", "PK\u{3}\u{4}", String(repeating: "x", count: 1 << 20)])
  func badArchives(text: String) throws {
    try Tool.withDirectory { directory in
      try Tool.write(text, to: directory + "in.npz")
      for flags in [["--inputs", "in.npz"], ["--params", "in.npz"]] {
        let result = try Tool.run(["run", "Graphs/rsample.aya"] + flags, in: directory)
        #expect(result.status == 1 && result.out.isEmpty)
        #expect(result.ids.count == 1 && result.ids[0].hasPrefix("zip-"), "\(result.err)")
      }
    }
  }

  /// A checkpoint whose checksum is another one's holds no parameters either.
  @Test func dont_takeADamagedCheckpoint() throws {
    try Tool.withDirectory { directory in
      expectFine(
        try Tool.run(TrainCommandTests.small + ["--epochs", "1", "--out", "run"], in: directory))
      let path = directory + "run/checkpoint.safetensors"
      let run = [
        "run", "Graphs/vae_pytorch.aya", "--dim", "D=64", "--dim", "H=8", "--dim", "Z=2",
        "--outputs", "fc1.b", "--params", path,
      ]
      expectFine(try Tool.run(run, in: directory))
      var file = try SafetensorsFile.read(path)
      let place = try #require(file.tensors.firstIndex { $0.name == "fc1.b" })
      let values = file.tensors[place].array.floats
      file.tensors[place].array = NDArray(
        [Float(bitPattern: values[0].bitPattern ^ 1)] + values.dropFirst(), shape: [8])
      try file.write(to: path)
      let result = try Tool.run(run, in: directory)
      expectRefusal(result, 1, ["checkpoint-damaged"])
      #expect(result.err.contains(path), "\(result.err)")
      // An older one has none.
      file.metadata["checksum"] = nil
      file.metadata["version"] = "2"
      try file.write(to: path)
      expectFine(try Tool.run(run, in: directory))
    }
  }

  @Test func integersAndTruthGoThrough() throws {
    try Tool.withDirectory { directory in
      try writeNPZ(
        [
          (name: "x", array: NDArray(zeros: .f32, shape: [4, 9])),
          (name: "y", array: NDArray([Int64(0), 1, 2, 0], shape: [4])),
        ], to: directory + "in.npz")
      let result = try Tool.run(
        [
          "run", "Graphs/logistic_regression.aya", "--inputs", "in.npz", "--dim", "D=9", "--dim",
          "K=3",
        ], in: directory)
      expectFine(result)
      #expect(result.out.contains("loss = 1.098612"))
      #expect(result.out.contains("accuracy = 0.5\n"))
    }
  }
}
