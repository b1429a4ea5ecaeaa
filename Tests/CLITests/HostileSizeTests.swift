import Foundation
import Testing

@testable import Ayatori

/// Files that are small, or have holes for data, and would be gigabytes in memory: their headers
/// refuse them, before memory is taken for what they hold.
@Suite struct HostileSizeTests {
  private static let gigabyte = 1 << 30

  /// A file that begins with `head` and ends with `tail`, and between them has a hole.
  private static func makeSparse(
    _ path: String, _ head: [UInt8], size: Int, tail: [UInt8] = []
  ) throws {
    try Data(head).write(to: URL(filePath: path))
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    try file.truncate(atOffset: UInt64(size - tail.count))
    try file.seekToEnd()
    try file.write(contentsOf: Data(tail))
    try file.close()
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  // MARK: Data sets

  /// The four files of a set; the test split is small and sound.
  private static func withSet(
    labels: [UInt8], images: (String) throws -> Void, _ body: (String) throws -> Void
  ) throws {
    try Tool.withDirectory { directory in
      let place = directory + "set/"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      let pixels = [UInt8](repeating: 0, count: 2 * 28 * 28)
      try write(ArchiveBytes.idx([2, 28, 28], pixels), to: place + "t10k-images-idx3-ubyte")
      try write(ArchiveBytes.idx([2], [0, 1]), to: place + "t10k-labels-idx1-ubyte")
      try write(labels, to: place + "train-labels-idx1-ubyte")
      try images(place + "train-images-idx3-ubyte")
      try body(directory)
    }
  }

  private static let million: UInt32 = 1_300_000
  private static let packedImages = ArchiveBytes.gzip(
    ArchiveBytes.idx([million, 28, 28], []), zeros: gigabyte)
  private static let manyLabels = ArchiveBytes.idx(
    [million], [UInt8](repeating: 0, count: Int(million)))

  private static let train = [
    "train", "Graphs/vae_pytorch.aya", "--data", "./set", "--dim", "D=64",
  ]

  @Test func packedImagesWithoutLabels() throws {
    let labels = ArchiveBytes.idx([20], [UInt8](repeating: 0, count: 20))
    try Self.withSet(labels: labels, images: { try Self.write(Self.packedImages, to: $0) }) {
      try Tool.expectRefused(
        Self.train, in: $0, ["data-set-counts"], place: "./set/train-labels-idx1-ubyte")
    }
  }

  @Test(arguments: [
    train, ["gradcheck"] + train.dropFirst() + ["--batch-size", "1"],
    ["gradflow"] + train.dropFirst() + ["--batch-size", "1"],
  ]) func packedImagesOfAnotherSize(_ command: [String]) throws {
    try Self.withSet(labels: Self.manyLabels, images: { try Self.write(Self.packedImages, to: $0) })
    {
      try Tool.expectRefused(command, in: $0, ["image-size"], place: "Graphs/vae_pytorch.aya:")
    }
  }

  @Test func sparseImages() throws {
    let size = 16 + 28 * 28 * Int(Self.million)
    let head = ArchiveBytes.idx([Self.million, 28, 28], [])
    for (labels, id, place) in [
      (ArchiveBytes.idx([2], [0, 1]), "data-set-counts", "./set/train-labels-idx1-ubyte"),
      (Self.manyLabels, "image-size", "Graphs/vae_pytorch.aya:"),
    ] {
      try Self.withSet(
        labels: labels, images: { try Self.makeSparse($0, head, size: size) }
      ) { try Tool.expectRefused(Self.train, in: $0, [id], place: place) }
    }
  }

  /// What fits is data.
  @Test func dont_refuseManyImages() throws {
    let count = 20_000
    let pixels = [UInt8](repeating: 7, count: count * 784)
    let images = ArchiveBytes.idx([UInt32(count), 28, 28], pixels)
    let labels = ArchiveBytes.idx([UInt32(count)], [UInt8](repeating: 1, count: count))
    try Self.withSet(labels: labels, images: { try Self.write(images, to: $0) }) {
      let result = try Tool.run(
        ["train", "Graphs/vae_pytorch.aya", "--data", "./set", "--epochs", "0"], in: $0)
      expectFine(result)
      #expect(result.err.contains("20000 training and 2 test images"))
    }
  }

  // MARK: Archives

  private static func run(_ flags: String...) -> [String] {
    ["run", "Graphs/vae_pytorch.aya", "--dim", "N=1"] + flags + ["-o", "out.npz"]
  }

  /// An archive of one array of zeros that claims to be `shape`.
  private static func bomb(_ name: String, _ shape: String, _ descr: String, size: Int) -> [UInt8] {
    let head = ArchiveBytes.npyHead(shape, descr: descr)
    return ArchiveBytes.zip([
      ArchiveBytes.Member(name + ".npy", bomb: head, zeros: size, size: head.count + size)
    ])
  }

  @Test func anotherDType() throws {
    try Tool.withDirectory { directory in
      for (descr, width, name) in [("<i8", 8, "int64"), ("|u1", 1, "uint8")] {
        let rows = Self.gigabyte / 784 / width
        let bytes = Self.bomb("x", "(\(rows), 784)", descr, size: rows * 784 * width)
        try Self.write(bytes, to: directory + "in.npz")
        let arguments = [
          "run", "Graphs/vae_pytorch.aya", "--inputs", "in.npz", "--outputs", "loss",
        ]
        try Tool.expectRefused(
          arguments, in: directory, ["fed-dtype"], place: "in.npz, member 'x.npy': ")
        let result = try Tool.run(arguments, in: directory)
        #expect(result.err.contains("expected: float32"), "\(result.err)")
        #expect(result.err.contains("got: \(name)"), "\(result.err)")
      }
    }
  }

  /// A layer's parameter by its own name and by PyTorch's.
  @Test(arguments: ["fc1.W", "fc1.weight"]) func anotherShape(_ name: String) throws {
    try Tool.withDirectory { directory in
      let bytes = Self.bomb(name, "(300000, 784)", "<f4", size: 300_000 * 784 * 4)
      try Self.write(bytes, to: directory + "p.npz")
      try Tool.expectRefused(
        Self.run("--params", "p.npz"), in: directory, ["conflicting-size"],
        place: "p.npz, member '\(name).npy': ")
    }
  }

  @Test func archiveOfNothing() throws {
    try Tool.withDirectory { directory in
      let mark: [UInt8] = [0x50, 0x4B, 3, 4]
      try Self.makeSparse(directory + "in.npz", mark, size: 3 * Self.gigabyte)
      try Tool.expectRefused(
        Self.run("--inputs", "in.npz"), in: directory, ["zip-truncated"], place: "in.npz")
      // Two gigabytes of directory, says the end record.
      let directorySize: UInt32 = 2 << 30
      let end =
        little(0x0605_4B50 as UInt32) + little(0 as UInt32) + little(1 as UInt16)
        + little(1 as UInt16) + little(directorySize) + little(0 as UInt32) + little(0 as UInt16)
      try Self.makeSparse(
        directory + "in.npz", mark, size: Int(directorySize) + end.count, tail: end)
      try Tool.expectRefused(
        Self.run("--inputs", "in.npz"), in: directory, ["zip-size"], place: "in.npz")
    }
  }

  // MARK: Tensors

  private static func tensors(_ header: String, size: Int, to path: String) throws {
    let head = little(UInt64(header.utf8.count)) + Array(header.utf8)
    try makeSparse(path, head, size: head.count + size)
  }

  @Test(arguments: ["fc1.W", "fc1.weight"]) func anotherTensor(_ name: String) throws {
    try Tool.withDirectory { directory in
      let size = 2_000_000_000
      let header =
        "{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[\(size / 4)],\"data_offsets\":[0,\(size)]}}"
      try Self.tensors(header, size: size, to: directory + "p.safetensors")
      try Tool.expectRefused(
        Self.run("--params", "p.safetensors"), in: directory, ["fed-shape"],
        place: "p.safetensors, tensor '\(name)': ")
    }
  }

  /// A tensor of a checkpoint: transposed, of another dtype, of gigabytes, and one too many.
  @Test func anotherCheckpoint() throws {
    try Tool.withDirectory { directory in
      let train = [
        "train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--epochs", "1",
        "--batch-size", "500", "--eval-samples", "0",
      ]
      expectFine(try Tool.run(train + ["--out", "run"], in: directory))
      let path = directory + "run/checkpoint.safetensors"
      let sound = try SafetensorsFile.read(path)
      let wide = 500_000_000
      for (name, dtype, shape, id) in [
        ("fc1.W", DType.f32, [64, 128], "fed-shape"), ("fc1.W", .f64, [128, 64], "fed-dtype"),
        ("fc1.W", .f32, [wide], "fed-shape"), ("other", .f32, [wide], "unknown-feed"),
      ] {
        var arrays = sound.tensors.map { ($0.name, $0.array.dtype, $0.array.shape) }
        arrays.removeAll { $0.0 == name }
        arrays.append((name, dtype, shape))
        let metadata = String(decoding: try JSONEncoder().encode(sound.metadata), as: UTF8.self)
        var (members, end) = (["\"__metadata__\":" + metadata], 0)
        for (name, dtype, shape) in arrays {
          let size = shape.reduce(dtype.byteCount, *)
          members.append(
            "\"\(name)\":{\"dtype\":\"\(SafetensorsFile.dtypeName(dtype))\",\"shape\":\(shape),"
              + "\"data_offsets\":[\(end),\(end + size)]}")
          end += size
        }
        let header = "{" + members.joined(separator: ",") + "}"
        try Self.tensors(header, size: end, to: path)
        try Tool.expectRefused(
          train + ["--resume", "run"], in: directory, [id],
          place: "run/checkpoint.safetensors, tensor '\(name)': ")
      }
    }
  }

  // MARK: Little memory

  /// What fits the graph is data, and takes the memory of data: where there is none, it is told; of
  /// the second array also where there is memory for its bytes and not for the array beside them.
  @Test(arguments: [1_000_000, 340_000]) func littleMemory(rows: Int) throws {
    if Tool.isSanitized { return }
    try Tool.withDirectory { directory in
      let size = rows * 784 * 4
      let head = ArchiveBytes.npyHead("(\(rows), 784)")
      var member = ArchiveBytes.Member("x.npy", head)
      (member.size, member.compressedSize) = (UInt32(head.count + size), UInt32(head.count + size))
      let archive = ArchiveBytes.zip([member])
      // The local header is of 30 bytes and the name; the directory comes after the data.
      let start = 30 + member.name.count + head.count
      var tail = Array(archive[start...])
      let end = tail.count - 22
      let offset = little(UInt32(start + size))
      tail.replaceSubrange((end + 16)..<(end + 20), with: offset)
      try Self.makeSparse(
        directory + "in.npz", Array(archive[..<start]), size: start + size + tail.count, tail: tail)
      let result = try Tool.launch(
        "/bin/bash",
        [
          "-c", "ulimit -v 2000000; exec \"$0\" \"$@\"", Tool.binary, "run",
          "Graphs/vae_pytorch.aya", "--inputs", "in.npz",
        ], in: directory, environment: ["OPENBLAS_NUM_THREADS": "1"])
      expectRefusal(result, 1, ["out-of-memory"])
      #expect(result.err.contains("in.npz, member 'x.npy': error: "), "\(result.err)")
    }
  }

  private static func runLimited(_ kilobytes: Int, _ arguments: [String]) throws -> Tool.Result {
    try Tool.launch(
      "/bin/bash", ["-c", "ulimit -v \(kilobytes); exec \"$0\" \"$@\"", Tool.binary] + arguments,
      in: Tool.root, environment: ["OPENBLAS_NUM_THREADS": "2"])
  }

  /// OpenBLAS asks for ever for memory that a limit does not allow.
  @Test(arguments: [
    ["run", "Graphs/vae_pytorch.aya", "--outputs", "loss"],
    ["train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64", "--threads", "2"],
  ]) func noMemoryForProducts(_ command: [String]) throws {
    if Tool.isSanitized { return }
    try Tool.withDirectory { directory in
      let path = directory + "in.npz"
      try writeNPZ([(name: "x", array: NDArray(zeros: .f32, shape: [1, 784]))], to: path)
      let command = command[0] == "run" ? command + ["--inputs", path] : command
      expectRefusal(try Self.runLimited(350_000, command), 1, ["out-of-memory"])
    }
  }

  @Test func dont_refuseWithoutProducts() throws {
    if Tool.isSanitized { return }
    expectFine(try Self.runLimited(220_000, ["check", "Graphs/vae_pytorch.aya"]))
    expectFine(try Self.runLimited(350_000, ["run", "Graphs/rsample.aya"]))
    let train = ["train", "Graphs/vae_pytorch.aya", "--data", "digits", "--dim", "D=64"]
    expectFine(try Self.runLimited(2_000_000, train + ["--epochs", "1"]))
  }
}
