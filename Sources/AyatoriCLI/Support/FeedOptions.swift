import ArgumentParser
import GraphIR
import VAE

/// What one evaluation of a model is fed: arrays, or the first images of a data set.
struct FeedOptions: ParsableArguments {
  @OptionGroup var arrays: ArrayOptions

  @Option(
    name: .long, help: "A data set whose first test images are the input.", transform: filePath)
  var data: String?

  @Option(name: .long, help: "Images to take from --data; by default 64.")
  var batchSize: Int?

  func validate() throws {
    if let batchSize, batchSize < 1 {
      throw ValidationError("--batch-size takes 1 or more, not \(batchSize)")
    }
  }

  /// Whether no flag was given.
  var areUnset: Bool {
    arrays.inputs == nil && arrays.params == nil && arrays.seed == 0 && data == nil
      && batchSize == nil
  }

  var files: [NamedFile?] { arrays.files + NamedFile.dataSet(data) }

  /// What the gradient flow is fed, which is computed in f64. Throws diagnostics for files and data
  /// that do not fit the graph.
  func feeds(for source: Graph) throws -> Feeds {
    var inputs = try arrays.loadInputs(for: source, floats: .f64)
    if let data {
      let dataSet = try DataSet.load(data, for: source)
      let fed = try DataInputs(source, for: dataSet)
        .arrays(of: dataSet.test, in: dataSet, count: batchSize ?? 64)
      inputs.merge(fed) { given, _ in given }
    }
    return Feeds(
      inputs: inputs, parameters: try arrays.loadParameters(for: source, floats: .f64),
      seed: arrays.seed)
  }
}
