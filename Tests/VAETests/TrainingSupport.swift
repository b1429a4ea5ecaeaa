import Ayatori
import Foundation
import Testing
import VAE

/// What the tests of training and of the gradient's ways share.
enum Training {
  static let root = DataSetTests.root
  static let oracle = root + "Tests/AyatoriTests/Fixtures/oracle/"

  static func graph(
    _ name: String, dims: [String: Int] = [:], consts: [String: Scalar] = [:], dtype: DType = .f32
  ) throws -> Graph {
    let graph = try Graph.load(
      root + "Graphs/\(name).aya", overrides: Overrides(dims: dims, consts: consts))
    return dtype == .f32 ? graph : graph.retyped(from: .f32, to: dtype)
  }

  static func graph(
    text: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws -> Graph {
    let result = parse(SourceFile(name: "test.aya", text: text), dialect: .standard)
    return try #require(
      result.graph, "\(result.diagnostics.map(\.description))", sourceLocation: sourceLocation)
  }

  /// Images of 2×2 pixels: 10 to train on, 6 to test on, 0...255 in no order.
  static func tinySet(labels: ClosedRange<UInt8> = 0...3) -> DataSet {
    func split(_ count: Int, _ start: Int) -> DataSet.Split {
      DataSet.Split(
        images: (0..<(count * 4)).map { UInt8(($0 * 73 + start) % 256) },
        labels: (0..<count).map { labels.lowerBound + UInt8($0) % UInt8(labels.count) })
    }
    return DataSet(
      name: "tiny", imageShape: [2, 2], train: split(10, 5), test: split(6, 90), maximum: 255,
      source: "this test")
  }

  static func options(
    batchSize: Int = 64, seed: UInt64 = 0, optimizer: Optimizer = .adam()
  ) -> Trainer.Options {
    var options = Trainer.Options()
    options.batchSize = batchSize
    options.seed = seed
    options.optimizer = optimizer
    return options
  }

  /// A small VAE on the digits.
  static func digits(
    _ options: Trainer.Options = Trainer.Options(), model: String = "vae_pytorch",
    dims: [String: Int] = ["D": 64, "H": 16, "Z": 2]
  ) throws -> Trainer {
    try Trainer(graph(model, dims: dims), on: DataSet.load("digits"), options: options)
  }

  /// The diagnostics that `body` throws; none fails the test.
  static func diagnostics(
    sourceLocation: Testing.SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) -> [Diagnostic] {
    do {
      try body()
      Issue.record("no error", sourceLocation: sourceLocation)
    } catch let diagnostics as Diagnostics {
      return diagnostics.all
    } catch let diagnostic as Diagnostic {
      return [diagnostic]
    } catch {
      Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
    return []
  }

  static func withDirectory(_ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "ayatori-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path())
  }
}
