import Ayatori
import Foundation
import Testing
import VAE

@Suite struct DataSetTests {
  /// The directory of `Package.swift`.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path()
  static let mnist = root + "../shared/data/mnist"
  static let hasMNIST = isDirectory(mnist)
  static let fashion = "/usr/share/datasets/fashion-mnist"

  // MARK: Digits

  @Test func digitsAreThoseOfScikitLearn() throws {
    let set = try DataSet.load("digits")
    #expect(set.name == "digits" && set.imageShape == [8, 8] && set.maximum == 16)
    #expect(set.train.count == 1500 && set.test.count == 297)
    #expect(set.source.contains("CC BY 4.0"))
    // load_digits(): data.sum(), data[0, :8], target[:10], target[-5:], the classes' counts.
    let pixels = (set.train.images + set.test.images).reduce(0) { $0 + Int($1) }
    #expect(pixels == 561_718)
    #expect(set.train.images.max() == 16)
    #expect(Array(set.train.images[..<8]) == [0, 0, 5, 13, 9, 1, 0, 0])
    #expect(Array(set.train.labels[..<10]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(Array(set.test.labels.suffix(5)) == [9, 0, 8, 9, 8])
    let labels = set.train.labels + set.test.labels
    let counts = (0..<10).map { digit in labels.count { $0 == digit } }
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
  }

  @Test func fingerprintKnowsTheContentsOnly() {
    let split = DataSet.Split(images: [1, 2, 3, 4], labels: [5])
    func fingerprint(
      _ shape: [Int] = [2, 2], _ train: DataSet.Split? = nil, _ maximum: UInt8 = 255,
      name: String = "a"
    ) -> UInt64 {
      DataSet(
        name: name, imageShape: shape, train: train ?? split, test: split, maximum: maximum,
        source: ""
      ).fingerprint
    }
    #expect(fingerprint() == fingerprint(name: "b"))
    let others = [
      fingerprint([1, 4]), fingerprint([2, 2], split, 16),
      fingerprint([2, 2], DataSet.Split(images: [1, 2, 3, 5], labels: [5])),
      fingerprint([2, 2], DataSet.Split(images: [1, 2, 3, 4], labels: [6])),
    ]
    #expect(Set(others + [fingerprint()]).count == 5)
    // The same in every run and on every machine.
    #expect(Digits.dataSet().fingerprint == 8_435_086_351_699_158_618)
  }

  // MARK: Gathering

  @Test func gathersScaledRows() {
    let set = DataSet(
      name: "a", imageShape: [1, 2],
      train: DataSet.Split(images: [0, 255, 51, 102, 1, 254], labels: [0, 1, 2]),
      test: DataSet.Split(images: [], labels: []), maximum: 255, source: "")
    var floats = [Float](repeating: -1, count: 6)
    floats.withUnsafeMutableBufferPointer { set.gather([2, 0, 2], of: set.train, into: $0) }
    let (low, high) = (Float(1) / 255, Float(254) / 255)
    #expect(floats == [low, high, 0, 1, low, high])
    var doubles = [Double](repeating: -1, count: 4)
    doubles.withUnsafeMutableBufferPointer { set.gather(0..<2, of: set.train, into: $0) }
    #expect(doubles == [0, 1, 51 / 255, 102 / 255])
    floats.withUnsafeMutableBufferPointer { target in
      let none = UnsafeMutableBufferPointer(rebasing: target[..<0])
      set.gather([Int]()[...], of: set.test, into: none)
    }
  }

  // MARK: Directories

  private static func idx(_ dims: [Int], _ bytes: [UInt8]) -> [UInt8] {
    let sizes = dims.flatMap { dim in withUnsafeBytes(of: UInt32(dim).bigEndian) { Array($0) } }
    return [0, 0, 8, UInt8(dims.count)] + sizes + bytes
  }

  /// Two training images and one for testing, 1×2 pixels, and what to put in their place.
  private static func withFiles(
    _ changes: [String: [UInt8]?] = [:], mark: String = "-", _ body: (String) throws -> Void
  ) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "ayatori-\(UUID())/small")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url.deletingLastPathComponent()) }
    var files: [String: [UInt8]] = [
      "train-images-idx3": idx([2, 1, 2], [0, 255, 3, 4]), "train-labels-idx1": idx([2], [7, 9]),
      "t10k-images-idx3": idx([1, 1, 2], [5, 6]), "t10k-labels-idx1": idx([1], [255]),
    ]
    // A nil takes the file away.
    for (name, bytes) in changes { files[name] = bytes }
    for (name, bytes) in files {
      let spelt = name.replacing("-idx", with: mark + "idx") + "-ubyte"
      try AtomicFile.write(bytes, to: url.path() + "/" + spelt)
    }
    try body(url.path())
  }

  @Test(arguments: ["-", "."]) func loadsADirectory(_ mark: String) throws {
    try DataSetTests.withFiles(mark: mark) { directory in
      let set = try DataSet.load(directory + "/")
      #expect(set.name == "small" && set.imageShape == [1, 2] && set.maximum == 255)
      #expect(set.train == DataSet.Split(images: [0, 255, 3, 4], labels: [7, 9]))
      #expect(set.test == DataSet.Split(images: [5, 6], labels: [255]))
      let named = try DataSet.load("mnist", places: ["/nowhere", directory])
      #expect(named.name == "mnist" && named.fingerprint == set.fingerprint)
    }
  }

  /// Names of files to replace, with the id and the place's end.
  static let broken: [(String, [UInt8]?, String)] = [
    ("train-labels-idx1", idx([1], [7]), "data-set-counts"),
    ("t10k-images-idx3", idx([1, 2, 1], [5, 6]), "data-set-shapes"),
    ("t10k-images-idx3", idx([1, 1, 0], []), "data-set-empty"),
    ("t10k-images-idx3", nil, "data-set-file"),
    ("t10k-images-idx3", idx([1], [5]), "idx-rank"),
    ("train-images-idx3", [1, 2, 3, 4], "idx-magic"),
    ("train-images-idx3", [0x1F, 0x8B, 8], "gzip-truncated"),
  ]

  @Test(arguments: broken) func refuses(_ name: String, _ bytes: [UInt8]?, _ id: String) throws {
    try DataSetTests.withFiles([name: bytes]) { directory in
      let diagnostic = #expect(throws: Diagnostic.self) { try DataSet.load(directory) }
      #expect(diagnostic?.id == id)
      #expect(diagnostic?.place?.hasPrefix(directory) == true)
    }
  }

  @Test func refusesAnEmptySet() throws {
    let none: [String: [UInt8]?] = [
      "train-images-idx3": DataSetTests.idx([0, 1, 2], []),
      "train-labels-idx1": DataSetTests.idx([0], []),
    ]
    try DataSetTests.withFiles(none) { directory in
      let diagnostic = #expect(throws: Diagnostic.self) { try DataSet.load(directory) }
      #expect(diagnostic?.id == "data-set-empty")
    }
  }

  @Test func namesTheNearestFile() throws {
    try DataSetTests.withFiles(["t10k-images-idx3": nil]) { directory in
      try AtomicFile.write([], to: directory + "/t10-images-idx3-ubyte")
      let diagnostic = #expect(throws: Diagnostic.self) { try DataSet.load(directory) }
      #expect(diagnostic?.fix == "did you mean 't10-images-idx3-ubyte'? rename it")
    }
  }

  // MARK: Names

  @Test func saysWhereItLooked() {
    let environment = ["AYATORI_DATA": "/data", "HOME": "/home/a"]
    let places = DataSet.standardPlaces("mnist") { environment[$0] }
    #expect(
      places == [
        "/data/mnist", "./data/mnist", "/home/a/.cache/ayatori/mnist",
        "/usr/share/datasets/mnist",
      ])
    let fashion = DataSet.standardPlaces("fashion-mnist") { environment[$0] }
    #expect(fashion == ["/data/fashion-mnist", "/usr/share/datasets/fashion-mnist"])
    let absent = #expect(throws: Diagnostic.self) {
      try DataSet.load("fashion-mnist", places: ["/nowhere", "/"])
    }
    #expect(absent?.id == "data-set-absent")
    #expect(absent?.notes.map(\.message) == ["looked in /nowhere", "looked in /"])
    #expect(absent?.fix == "apt-get install dataset-fashion-mnist")
    let mnist = #expect(throws: Diagnostic.self) { try DataSet.load("mnist", places: []) }
    #expect(mnist?.fix?.contains("AYATORI_DATA") == true)
  }

  @Test(arguments: [
    ("mnits", "did you mean 'mnist'?"), ("digit", "did you mean 'digits'?"),
    ("fashion_mnist", "did you mean 'fashion-mnist'?"), ("quite-another", nil), ("", nil),
  ])
  func suggestsANearName(_ spec: String, _ fix: String?) {
    let diagnostic = #expect(throws: Diagnostic.self) { try DataSet.load(spec) }
    #expect(diagnostic?.id == "data-set-unknown" && diagnostic?.fix == fix)
  }

  @Test func suggestsANearDirectory() throws {
    try DataSetTests.withFiles { directory in
      let diagnostic = #expect(throws: Diagnostic.self) { try DataSet.load(directory + "s") }
      #expect(diagnostic?.fix == "did you mean '\(directory)'?")
    }
  }

  // MARK: The real sets

  @Test(.enabled(if: hasMNIST, "../shared/data/mnist is not here"))
  func loadsMNIST() throws {
    let set = try DataSet.load(DataSetTests.mnist)
    #expect(set.imageShape == [28, 28] && set.train.count == 60_000 && set.test.count == 10_000)
    #expect(Array(set.train.labels[..<5]) == [5, 0, 4, 1, 9])
    #expect(Array(set.test.labels[..<5]) == [7, 2, 1, 0, 4])
  }

  @Test(.enabled(if: isDirectory(fashion), "apt-get install dataset-fashion-mnist"))
  func loadsFashionMNIST() throws {
    let set = try DataSet.load("fashion-mnist", places: [DataSetTests.fashion])
    #expect(set.name == "fashion-mnist" && set.source.contains("MIT"))
    #expect(set.imageShape == [28, 28] && set.train.count == 60_000 && set.test.count == 10_000)
    #expect(Array(set.train.labels[..<5]) == [9, 0, 0, 3, 0])
  }
}
