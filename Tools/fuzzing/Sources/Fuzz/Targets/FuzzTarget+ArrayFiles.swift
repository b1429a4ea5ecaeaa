@testable import Ayatori
import GraphIR
@testable import VAE

/// What is read is written and read again: the same arrays.
extension FuzzTarget {
  static let npy = FuzzTarget(name: "npy", summary: "one array of NumPy") { bytes in
    guard let array = accepted({ () throws(Diagnostic) in try decodeNPY(bytes, place: "f.npy") })
    else { return }
    expectSound(array)
    // NumPy's bound on axes is the writer's alone.
    guard let written = accepted({ () throws(Diagnostic) in try encodeNPY(array) }) else { return }
    let again = accepted { () throws(Diagnostic) in try decodeNPY(written, place: "again") }
    expect(again == array, "npy does not come back: \(array.dtype)\(array.shape)")
  }

  static let npz = FuzzTarget(name: "npz", summary: "an archive of arrays, by name") { bytes in
    guard let arrays = accepted({ () throws(Diagnostic) in try decodeNPZ(bytes, place: "f.npz") })
    else { return }
    arrays.forEach { expectSound($0.array) }
    guard let written = accepted({ () throws(Diagnostic) in try encodeNPZ(arrays) }) else { return }
    let again = accepted { () throws(Diagnostic) in try decodeNPZ(written, place: "again") }
    expect(isSame(again, arrays), "npz does not come back: \(arrays.map(\.name))")
  }

  static let safetensors = FuzzTarget(
    name: "safetensors", summary: "tensors and metadata, by name", words: jsonWords
  ) { bytes in
    guard
      let file = accepted({ () throws(Diagnostic) in
        try SafetensorsFile.decode(bytes, place: "f.safetensors")
      })
    else { return }
    file.tensors.forEach { expectSound($0.array) }
    let again = accepted { () throws(Diagnostic) in
      try SafetensorsFile.decode(file.encode(), place: "again")
    }
    expect(
      isSame(again?.tensors, file.tensors) && again?.metadata == file.metadata,
      "safetensors do not come back: \(file.tensors.map(\.name))")
  }

  static let idx = FuzzTarget(name: "idx", summary: "images or labels, plain or gzip") { bytes in
    for rank in [nil, 1, 3] {
      let file = accepted { () throws(Diagnostic) in
        try IDXFile.decode(bytes, place: "f-idx", rank: rank)
      }
      guard let file else { continue }
      expect(file.dims.reduce(1, *) == file.bytes.count, "\(file.bytes.count) for \(file.dims)")
      expect(rank == nil || file.dims.count == rank, "rank \(file.dims.count)")
    }
  }

  static let checkpoint = FuzzTarget(
    name: "checkpoint", summary: "where a training run stands", words: jsonWords
  ) { bytes in
    let read = accepted { () throws(Diagnostic) in
      try Checkpoint(SafetensorsFile.decode(bytes, place: "c"), path: "c")
    }
    guard let read else { return }
    expect(read.epoch >= 0, "epoch \(read.epoch)")
    let again = accepted { () throws(Diagnostic) in
      try Checkpoint(SafetensorsFile.decode(read.file.encode(), place: "again"), path: "again")
    }
    guard let again else { finding("what was written is no checkpoint") }
    let isEqual =
      again.epoch == read.epoch && again.step == read.step && isSame(again.arrays, read.arrays)
      && again.identity.map(\.name) == read.identity.map(\.name)
      && again.identity.map(\.value) == read.identity.map(\.value)
      && again.underWay.metadata == read.underWay.metadata
      && again.best?.metadata == read.best?.metadata
    expect(isEqual, "the checkpoint does not come back")
  }

  private static let jsonWords = [
    "dtype", "shape", "data_offsets", "__metadata__", "F32", "F64", "I64", "BOOL", "format",
    "ayatori-checkpoint", "version", "epoch", "step", "epoch.loss", "best.loss", "run.",
  ]

  private static func expectSound(_ array: NDArray) {
    let count = array.shape.reduce(1, *)
    expect(array.count == count && array.doubles.count == count, "\(count) of \(array.shape)")
  }

  private static func isSame(
    _ a: [(name: String, array: NDArray)]?, _ b: [(name: String, array: NDArray)]
  ) -> Bool {
    guard let a, a.count == b.count else { return false }
    return zip(a, b).allSatisfy { $0.name == $1.name && $0.array == $1.array }
  }
}
