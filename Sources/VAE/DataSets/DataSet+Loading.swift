import Ayatori
public import GraphIR
import Glibc

extension DataSet {
  /// The names that `load` knows.
  public static let knownNames = ["mnist", "fashion-mnist", "digits"]

  /// Loads a data set: one of `knownNames`, or a directory with the four IDX files of MNIST.
  ///
  /// A name goes before a directory called the same; write `./mnist` for the directory. The files
  /// are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
  /// `t10k-labels-idx1-ubyte`, also spelt `train-images.idx3-ubyte` and so on, plain or with `.gz`.
  ///
  /// For a `graph`, files of images that it cannot take are refused before the images are read.
  public static func load(_ spec: String, for graph: Graph? = nil) throws(Diagnostic) -> DataSet {
    try load(spec, for: graph, places: spec == "digits" ? [] : standardPlaces(spec))
  }

  /// As above; a named set is looked for in `places`, in that order.
  package static func load(
    _ spec: String, for graph: Graph? = nil, places: [String]
  ) throws(Diagnostic) -> DataSet {
    switch spec {
    case "digits": return Digits.dataSet()
    case "mnist", "fashion-mnist":
      if let place = places.first(where: DataSetPart.isAny(in:)) {
        return try loadDirectory(
          place, for: graph, name: spec, source: sources[spec] ?? place)
      }
      throw .dataSetAbsent(spec, places: places)
    default:
      var directory = spec
      while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
      guard isDirectory(directory) else { throw .dataSetUnknown(spec) }
      return try loadDirectory(
        directory, for: graph, name: fileName(of: directory), source: "IDX files in \(directory)")
    }
  }

  /// Where a named set is looked for, first come first served.
  package static func standardPlaces(
    _ name: String, environment: (String) -> String? = environmentVariable
  ) -> [String] {
    var places: [String] = []
    if let data = environment("AYATORI_DATA"), !data.isEmpty { places.append("\(data)/\(name)") }
    if name == "mnist" {
      places += ["./data/mnist"]
      if let home = environment("HOME"), !home.isEmpty {
        places.append("\(home)/.cache/ayatori/mnist")
      }
    }
    places.append("/usr/share/datasets/\(name)")
    return places
  }

  /// The files that may be read for a data set, as `load` takes it: those that are there.
  package static func files(of spec: String) -> [String] {
    let places = knownNames.contains(spec) ? standardPlaces(spec) : [spec]
    return places.flatMap { place in DataSetPart.allCases.compactMap { $0.file(in: place) } }
  }

  /// The value of an environment variable.
  package static func environmentVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static let sources = [
    "mnist": "The MNIST database of handwritten digits, Y. LeCun, C. Cortes, C. J. C. Burges, "
      + "1998, CC BY-SA 3.0",
    "fashion-mnist": "Fashion-MNIST, H. Xiao, K. Rasul, R. Vollgraf, 2017, arXiv:1708.07747, "
      + "Zalando SE, MIT",
  ]

  private static func loadDirectory(
    _ directory: String, for graph: Graph?, name: String, source: String
  ) throws(Diagnostic) -> DataSet {
    let train = try SplitFiles(directory, .trainImages, .trainLabels)
    let test = try SplitFiles(directory, .testImages, .testLabels)
    guard train.imageShape == test.imageShape else {
      throw .dataSetShapes(train: train.imageShape, test: test.imageShape, place: directory)
    }
    if let graph { _ = try DataInputs(graph, imageShape: train.imageShape, of: name) }
    return DataSet(
      name: name, imageShape: train.imageShape, train: try train.read(), test: try test.read(),
      maximum: 255, source: source)
  }
}

/// A split's two files, of which the headers have been read: they fit each other.
private struct SplitFiles {
  let images: IDXReader
  let labels: IDXReader

  /// `[rows, cols]` of one image.
  var imageShape: [Int] { Array(images.dims[1...]) }

  init(
    _ directory: String, _ imagePart: DataSetPart, _ labelPart: DataSetPart
  ) throws(Diagnostic) {
    let imagePath = try imagePart.requiredFile(in: directory)
    let labelPath = try labelPart.requiredFile(in: directory)
    images = try IDXReader(imagePath, rank: 3)
    labels = try IDXReader(labelPath, rank: 1)
    guard images.dims[0] == labels.dims[0] else {
      throw .dataSetCounts(images: images.dims[0], labels: labels.dims[0], place: labelPath)
    }
    guard !images.dims.contains(0) else {
      throw .dataSetEmpty(images.dims, place: imagePath)
    }
  }

  func read() throws(Diagnostic) -> DataSet.Split {
    DataSet.Split(images: try images.read().bytes, labels: try labels.read().bytes)
  }
}

/// One of the four files.
private enum DataSetPart: String, CaseIterable {
  case trainImages = "train-images idx3"
  case trainLabels = "train-labels idx1"
  case testImages = "t10k-images idx3"
  case testLabels = "t10k-labels idx1"

  /// Every spelling, the usual one first.
  private var names: [String] {
    let words = rawValue.split(separator: " ")
    return ["-", "."].flatMap { mark in
      let name = words.joined(separator: mark) + "-ubyte"
      return [name, name + ".gz"]
    }
  }

  /// The file in this directory, or nil.
  func file(in directory: String) -> String? {
    let present = Set(directoryEntries(directory))
    return names.first(where: present.contains).map { "\(directory)/\($0)" }
  }

  /// Whether the directory has one of the four at least.
  static func isAny(in directory: String) -> Bool {
    allCases.contains { $0.file(in: directory) != nil }
  }

  /// The file in this directory, which must be there.
  func requiredFile(in directory: String) throws(Diagnostic) -> String {
    if let file = file(in: directory) { return file }
    let wanted = names[0]
    let near = nearest(to: wanted, among: directoryEntries(directory))
    throw Diagnostic(
      "data-set-file", "the data set lacks \(wanted)", place: directory,
      expected: names.joined(separator: ", "), got: "none of them",
      fix: near.map { "did you mean '\($0)'? rename it" })
  }
}

extension Diagnostic {
  fileprivate static func dataSetAbsent(_ name: String, places: [String]) -> Diagnostic {
    let fix =
      name == "fashion-mnist"
      ? "apt-get install dataset-fashion-mnist"
      : "put the four files (train-images-idx3-ubyte.gz, …) in one of these directories, or set "
        + "AYATORI_DATA; '--data digits' needs no files"
    return Diagnostic(
      "data-set-absent", "the data set '\(name)' is not on this machine", place: name,
      expected: "its IDX files in one of the directories below", got: "none there",
      notes: places.map { Note("looked in \($0)") }, fix: fix)
  }

  fileprivate static func dataSetUnknown(_ spec: String) -> Diagnostic {
    let near: String?
    if spec.contains("/") {
      let parent = directoryName(of: spec)
      near = nearest(to: fileName(of: spec), among: directoryEntries(parent))
        .map { "\(parent)/\($0)" }
    } else {
      near = nearest(to: spec, among: DataSet.knownNames + directoryEntries("."))
    }
    return Diagnostic(
      "data-set-unknown", "there is no data set '\(spec)'", place: spec,
      expected: "a directory of IDX files, or " + DataSet.knownNames.joined(separator: ", "),
      fix: near.map { "did you mean '\($0)'?" })
  }

  fileprivate static func dataSetCounts(images: Int, labels: Int, place: String) -> Diagnostic {
    Diagnostic(
      "data-set-counts", "there is not one label for each image", place: place,
      expected: "\(images) labels", got: "\(labels)")
  }

  fileprivate static func dataSetEmpty(_ dims: [Int], place: String) -> Diagnostic {
    Diagnostic(
      "data-set-empty", "the data set holds no pixels", place: place,
      expected: "at least one image of at least one pixel", got: "dims \(dims)")
  }

  fileprivate static func dataSetShapes(
    train: [Int], test: [Int], place: String
  ) -> Diagnostic {
    Diagnostic(
      "data-set-shapes", "the test images have another size than the training images",
      place: place, expected: "\(train)", got: "\(test)")
  }
}
