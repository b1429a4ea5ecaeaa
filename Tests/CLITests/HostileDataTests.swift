import Foundation
import Testing

/// Data sets and records of runs that lie: a diagnostic that names the file, exit code 1, memory
/// below `Tool.memoryBound`, no output.
@Suite struct HostileDataTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var id: String
    /// The file at fault, after the directory.
    var file: String
    var images: @Sendable () -> [UInt8]
    var labels: @Sendable () -> [UInt8]

    init(
      _ name: String, _ id: String, in file: String = "train-images-idx3-ubyte",
      labels: @escaping @Sendable () -> [UInt8] = { ArchiveBytes.idx([2], [0, 1]) },
      _ images: @escaping @Sendable () -> [UInt8]
    ) {
      (testDescription, self.id, self.file) = (name, id, file)
      (self.images, self.labels) = (images, labels)
    }
  }

  private static let gigabyte = 1 << 30
  private static let zeros = [UInt8](repeating: 0, count: 32)

  static let cases: [Case] = [
    Case("nothing", "truncated-file") { [] },
    Case("no images", "data-set-empty", labels: { ArchiveBytes.idx([0], []) }) {
      ArchiveBytes.idx([0, 4, 4], [])
    },
    Case("images of 0×0", "data-set-empty") { ArchiveBytes.idx([2, 0, 0], []) },
    Case("4 billion images of as many pixels", "idx-truncated") {
      ArchiveBytes.idx([.max, .max, .max], [])
    },
    Case("4 GB that are not there", "idx-truncated") { ArchiveBytes.idx([.max, 1, 1], zeros) },
    Case("one byte short", "idx-truncated") {
      ArchiveBytes.idx([2, 4, 4], Array(zeros.dropLast(1)))
    },
    Case("one byte long", "idx-trailing-bytes") { ArchiveBytes.idx([2, 4, 4], zeros + [0]) },
    Case("floats", "idx-type") { [0, 0, 0x0D, 3] + zeros },
    Case("one dim", "idx-rank") { ArchiveBytes.idx([32], zeros) },
    Case("255 dims", "idx-rank") { [0, 0, 8, 255] + zeros },
    Case("a gzip that grows to a gigabyte", "idx-trailing-bytes") {
      ArchiveBytes.gzip(ArchiveBytes.idx([2, 4, 4], zeros), zeros: gigabyte)
    },
    Case("a gigabyte of zeros, gzipped", "idx-type") { ArchiveBytes.gzip([], zeros: gigabyte) },
    Case("a gzip without an end", "gzip-truncated") {
      Array(ArchiveBytes.gzip(ArchiveBytes.idx([2, 4, 4], zeros), zeros: 0).dropLast(12))
    },
    Case("a gzip with a wrong check", "gzip-corrupt") {
      ArchiveBytes.gzip(ArchiveBytes.idx([2, 4, 4], zeros), zeros: 0)
    },
    Case(
      "a label for every image but one", "data-set-counts", in: "train-labels-idx1-ubyte",
      labels: { ArchiveBytes.idx([1], [0]) }
    ) { ArchiveBytes.idx([2, 4, 4], zeros) },
    Case(
      "images for labels", "idx-rank", in: "train-labels-idx1-ubyte",
      labels: { ArchiveBytes.idx([2, 4, 4], zeros) }
    ) { ArchiveBytes.idx([2, 4, 4], zeros) },
  ]

  private static func write(_ images: [UInt8], _ labels: [UInt8], to directory: String) throws {
    let place = directory + "set/"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    for split in ["train", "t10k"] {
      try Data(images).write(to: URL(filePath: place + split + "-images-idx3-ubyte"))
      try Data(labels).write(to: URL(filePath: place + split + "-labels-idx1-ubyte"))
    }
  }

  /// Takes images of 4×4 pixels and labels of three classes.
  private static let graph = """
    graph g {
      dim N
      input x: f32[N, 16]
      input label: i64[N]
      layer fc = linear(16, 3)
      loss = mean(square(fc(x) - one_hot(label, depth: 3)))
      output loss
    }
    """

  private static let train = [
    "train", "g.aya", "--data", "./set", "--epochs", "1", "--batch-size", "1", "--out", "out",
  ]

  @Test(arguments: cases) func refused(_ item: Case) throws {
    try Tool.withDirectory { directory in
      try Tool.write(Self.graph, to: directory + "g.aya")
      try Self.write(item.images(), item.labels(), to: directory)
      try Tool.expectRefused(
        Self.train, in: directory, [item.id], place: "./set/" + item.file)
    }
  }

  @Test func oneImageIsEnough() throws {
    try Tool.withDirectory { directory in
      try Tool.write(Self.graph, to: directory + "g.aya")
      try Self.write(
        ArchiveBytes.idx([1, 4, 4], Array(Self.zeros.prefix(16))), ArchiveBytes.idx([1], [2]),
        to: directory)
      expectFine(try Tool.run(Self.train, in: directory))
    }
  }

  /// A label that is none of the classes would be learnt as "none of them" without a word.
  @Test(arguments: [
    ["train", "g.aya", "--data", "./set", "--epochs", "1", "--batch-size", "1", "--out", "out"],
    ["gradcheck", "g.aya", "--data", "./set", "--batch-size", "2"],
  ]) func labelsOutOfRange(_ command: [String]) throws {
    try Tool.withDirectory { directory in
      try Tool.write(Self.graph, to: directory + "g.aya")
      let images = ArchiveBytes.idx([2, 4, 4], Self.zeros)
      try Self.write(images, ArchiveBytes.idx([2], [2, 3]), to: directory)
      try Tool.expectRefused(command, in: directory, ["label-out-of-range"], place: "g.aya:6:30: ")
      let result = try Tool.run(command, in: directory)
      #expect(result.err.contains("label of training image 1 of the data set 'set'"))
      #expect(result.err.contains("= expected: 0 to 2") && result.err.contains("= got: 3, in "))
    }
  }

  // MARK: The record of a run

  private static func course(_ records: String, version: Int = 1) -> String {
    """
    {"format":"ayatori-gradflow","header":{"activeAbove":0.01,"batch":4,"draws":8,\
    "estimator":"pathwise","every":1,"graph":"g","loss":"loss","node":"z","terms":["a"]},\
    "records":[\(records)],"version":\(version)}
    """
  }

  private static func record(
    _ step: Int, terms: String = "{\"name\":\"a\",\"value\":1,\"weight\":1}",
    rows: String = "{\"name\":\"mu\",\"norms\":[1]}",
    latents: String = "{\"divergence\":1,\"meanSigma\":1,\"state\":\"collapsed\"}"
  ) -> String {
    "{\"epoch\":0,\"latents\":[\(latents)],\"loss\":1,\"rows\":[\(rows)],\"step\":\(step),"
      + "\"terms\":[\(terms)]}"
  }

  static let courses: [(String, String)] = [
    ("nothing", ""), ("no JSON", "\0\0"), ("another JSON", "[1, 2]"),
    ("open brackets", String(repeating: "[", count: 100_000)),
    ("a later version", course(record(1), version: 2)),
    ("no terms", course(record(1, terms: ""))),
    ("no norms", course(record(1, rows: "{\"name\":\"mu\",\"norms\":[]}"))),
    ("fewer latents", course(record(1) + "," + record(2, latents: ""))),
    ("more latents", course(record(1, latents: "") + "," + record(2))),
    ("fewer rows", course(record(1) + "," + record(2, rows: ""))),
    ("steps backwards", course(record(2) + "," + record(1))),
    ("an unknown state", course(record(1).replacing("collapsed", with: "asleep"))),
    ("a step below zero", course(record(-1))),
  ]

  @Test(arguments: courses) func records(_ name: String, _ text: String) throws {
    try Tool.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "run", withIntermediateDirectories: false)
      try Tool.write(text, to: directory + "run/gradflow.json")
      for flags in [[], ["--json"], ["--png", "out.png"]] {
        try Tool.expectRefused(
          ["gradflow", "run"] + flags, in: directory, ["not-a-course"], place: "run/gradflow.json")
      }
    }
  }

  /// As long as a course may be: objects take the decoder most memory, records little.
  @Test func longFilesStayWithinBounds() throws {
    try Tool.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "run", withIntermediateDirectories: false)
      let most = 8 << 20
      let records = (0..<60_000).map { Self.record($0) }.joined(separator: ",")
      for (text, id) in [
        ("[" + String(repeating: "{},", count: most / 3 - 2) + "{}]", "not-a-course"),
        (String(Self.course(records).prefix(most)), "not-a-course"),
        (String(repeating: " ", count: most + 1), "file-too-large"),
      ] {
        try Tool.write(text, to: directory + "run/gradflow.json")
        try Tool.expectRefused(
          ["gradflow", "run"], in: directory, [id], place: "run/gradflow.json")
      }
    }
  }

  @Test func dont_refuseARecord() throws {
    try Tool.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "run", withIntermediateDirectories: false)
      try Tool.write(
        Self.course(Self.record(1) + "," + Self.record(2)), to: directory + "run/gradflow.json")
      expectFine(try Tool.run(["gradflow", "run"], in: directory))
    }
  }
}
