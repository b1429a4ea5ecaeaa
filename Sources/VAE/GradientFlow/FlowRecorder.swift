import Ayatori
import Foundation
import GraphIR
import GraphOps
import Passes
import Runtime

/// Notes the gradient flow round a sampling node while a graph is trained: on one probe batch, with
/// the same noise every time, so that what changes is the parameters' doing.
///
/// Compiled and bound once; a record costs a few forward and backward passes to the sampling node.
public final class FlowRecorder {
  /// What the records have in common.
  public let header: FlowCourse.Header
  public private(set) var records: [FlowRecord] = []

  private let program: SplitProgram
  private let bound: BoundProgram
  private let feeds: Feeds
  private let parameters: [String]

  /// The images of the probe batch.
  private static func batch(_ inputs: [String: NDArray], _ site: SamplingSite) -> Int {
    for node in site.graph.inputs {
      guard let batch = site.batchDimension, let array = inputs[node.label],
        let axis = node.type.shape.dims.firstIndex(of: .symbol(batch))
      else { continue }
      return array.shape[axis]
    }
    return inputs.min { $0.key < $1.key }?.value.shape.first ?? 1
  }

  /// Draws a record averages over.
  private static let draws = 4

  /// `inputs` are the probe batch, `run` is the fingerprint of the run. Throws diagnostics for a
  /// graph without a sampling node, a loss that is not clear, and inputs that do not fit.
  public init(
    _ source: Graph, node: String? = nil, loss: String? = nil, inputs: [String: NDArray],
    every: Int, activeAbove: Double = 0.01, seed: UInt64,
    run: String? = nil
  ) throws {
    let site = try SamplingSite(source, node: node, flag: "--gradflow-node")
    program = try SplitProgram(site, loss: loss)
    feeds = Feeds(inputs: inputs, seed: seed).fitting(program.graph)
    bound = try program.compiled(feeding: feeds.inputs.keys).bind(feeds, of: program.graph)
    parameters = bound.state.names
    header = FlowCourse.Header(
      graph: source.name, node: site.name, estimator: site.estimator.name, loss: program.loss,
      terms: program.terms.map(\.name), every: every, batch: FlowRecorder.batch(inputs, site),
      draws: FlowRecorder.draws, activeAbove: activeAbove, run: run)
  }

  /// Notes the flow with the given parameters. `epoch` counts those done, with a fraction.
  @discardableResult
  public func record(
    step: UInt64, epoch: Double, parameter: (_ name: String) -> NDArray?
  ) throws -> FlowRecord {
    for name in parameters {
      if let array = parameter(name) { try bound.state.set(name, array) }
    }
    var gradients = program.targets.map { _ in Moments(count: 0) }
    var splits: [GradientSplit] = []
    for draw in 0..<FlowRecorder.draws {
      // A run may use what it was fed up.
      for (name, array) in feeds.inputs where bound.fedNames.contains(name) {
        try bound.feed(name, array)
      }
      try bound.run(step: FlowRecorder.firstStep + UInt64(draw))
      let split = GradientSplit(program, SplitProgram.outputs(of: bound))
      for (place, row) in split.rows.enumerated() {
        guard let gradient = row.gradient else { continue }
        if draw == 0 { gradients[place] = Moments(count: gradient.count) }
        gradients[place].add(gradient.doubles)
      }
      splits.append(split)
    }
    let record = FlowRecord(
      step: step, epoch: epoch, loss: mean(splits.map(\.lossValue)),
      terms: splits[0].terms.indices.map { term in
        FlowRecord.Term(
          name: splits[0].terms[term].name, value: mean(splits.map { $0.terms[term].value }),
          weight: splits[0].terms[term].weight)
      },
      constant: splits[0].constant == nil ? nil : mean(splits.map { $0.constant ?? 0 }),
      rows: program.site.distinctPlaces.map { row in
        target(splits.map { $0.rows[row] }, gradients[row])
      },
      latents: LatentStatistics.all(
        // What depends on no draw is the same under all.
        program.site, program.heldDraws.isEmpty ? [splits[0]] : splits,
        activeAbove: header.activeAbove, isTrained: step > 0
      ).map {
        FlowRecord.Latent(
          divergence: $0.divergence ?? .nan, meanVariance: $0.meanVariance, meanSigma: $0.meanSigma,
          state: $0.state)
      })
    records.append(record)
    return record
  }

  /// Steps of the noise streams that neither training nor evaluation draws at.
  private static let firstStep: UInt64 = 3 << 62

  private func target(_ rows: [GradientSplit.Row], _ moments: Moments) -> FlowRecord.Row {
    let parts = rows[0].parts.indices.map { part -> Double? in
      let norms = rows.compactMap { $0.parts[part].statistics?.norm }
      return norms.isEmpty ? nil : mean(norms.map { $0 * $0 }).squareRoot()
    }
    let totals = rows.compactMap { $0.total?.norm }
    let cosines = rows.compactMap(\.cosine)
    let variance = moments.sampleVariance.reduce(0, +)
    let square =
      moments.mean.reduce(0) { $0 + $1 * $1 } - variance / Double(max(moments.count, 1))
    return FlowRecord.Row(
      name: rows[0].name, norms: parts,
      total: totals.isEmpty ? nil : mean(totals.map { $0 * $0 }).squareRoot(),
      cosine: cosines.isEmpty ? nil : mean(cosines),
      signalToNoise: variance > 0 ? (max(0, square) / variance).squareRoot() : nil)
  }

  private func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }

  /// Takes over what an earlier part of the run noted, up to `step`.
  public func resume(_ course: FlowCourse, through step: UInt64) {
    records = course.records.filter { $0.step <= step }
  }

  public var course: FlowCourse { FlowCourse(header: header, records: records) }
}

extension Trainer {
  /// Equal for two runs that are one: of all that a checkpoint compares.
  public var fingerprint: String {
    let text = identity.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
    return String(NoiseStream.fnv1a(text), radix: 16)
  }
}
