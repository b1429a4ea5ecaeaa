import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import VAE

struct Gradflow: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows the gradient round a sampling node, split by the terms of the loss.",
    discussion: """
      One reverse pass a term; the parts sum to the whole. Exits with 2 when a parameter has no \
      path from the loss or a value is not finite.
      """)
  static let example = "ayatori gradflow Graphs/vae_pytorch.aya --data digits --dim D=64 --node z"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var arrays: ArrayOptions

  @Option(name: .long, help: "The sampling node; by default the only one.")
  var node: String?

  @Option(name: .long, help: "The scalar to differentiate; by default the output 'loss'.")
  var loss: String?

  @Option(name: .long, help: "A data set whose first test images are the input.")
  var data: String?

  @Option(name: .long, help: "Images to take from --data.")
  var batchSize = 64

  @Flag(name: .long, help: "Prints JSON.")
  var json = false

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size takes 1 or more, not \(batchSize)") }
  }

  func run() throws {
    let source = try graph.load()
    var inputs = try arrays.loadInputs()
    if let data {
      let dataSet = try DataSet.load(data)
      let fed = try DataInputs(source, for: dataSet)
        .arrays(of: dataSet.test, in: dataSet, count: batchSize)
      inputs.merge(fed) { given, _ in given }
    }
    let feeds = Feeds(
      inputs: inputs, parameters: try arrays.loadParameters(for: source), seed: arrays.seed)
    let split = try GradientSplit(source, node: node, loss: loss, feeds: feeds)
    if json {
      try Console.json(split.report(seed: arrays.seed))
    } else {
      try Console.result(split.table(seed: arrays.seed))
    }
    try fail(split, source)
  }

  /// Throws for all that a gradient check finds: parameters without a path, values not finite.
  private func fail(_ split: GradientSplit, _ source: Graph) throws {
    var found = split.unreached.map { name, reason in
      Diagnostic(
        "parameter-unreached", "no gradient of '\(split.loss)' reaches the parameter '\(name)'",
        at: source.node(named: name)?.location, got: reason)
    }
    for row in split.rows {
      let parts = row.parts.compactMap { part in part.statistics.map { (part.term, $0) } }
      for (what, statistics) in [("value", row.value)] + parts where statistics.nonFinite > 0 {
        found.append(
          Diagnostic(
            "not-finite", "\(statistics.nonFinite) elements at '\(row.name)' are not finite",
            at: source.node(named: row.name)?.location,
            got: what == "value" ? "in its value" : "in its gradient from '\(what)'"))
      }
    }
    if !found.isEmpty { throw CheckFailure(diagnostics: found) }
  }
}
