import Ayatori
import GraphIR
import GraphOps

extension SamplingSite {
  /// Whether anything but a weighted sum stands between the closed divergences and the loss: the
  /// mean over draws is not that of the loss then.
  private func bendsDivergence(loss: String) -> Bool {
    guard let root = graph.value(named: loss)?.id else { return false }
    var carries = [Bool](repeating: false, count: graph.nodes.count)
    for divergence in graph.closedDivergences(of: node.id) {
      carries[divergence.node.index] = true
    }
    let needed = graph.needed(by: [root])
    for node in graph.nodes where needed[node.id.index] && !carries[node.id.index] {
      let places = node.operands.indices.filter { carries[node.operands[$0].index] }
      if places.isEmpty { continue }
      carries[node.id.index] = true
      switch node.definition?.linearity {
      case .signedSum, .reduction: continue
      case .product where places.count == 1: continue
      case .quotient where places == [0]: continue
      default:
        guard let definition = node.definition, Self.moves.contains(definition) else {
          return true
        }
      }
    }
    return false
  }

  /// What moves elements without computing.
  private static let moves: [OpDefinition] = [
    .reshape, .broadcastTo, .transpose, .slice, .pad, .concat, .gather,
  ]

  /// The noise of other draws that is given, but for draws that are held anyway.
  private func noiseFed(_ feeds: Feeds, besides held: [String]) -> [String] {
    graph.draws.filter { $0.id != node.id && !held.contains($0.label) }.compactMap { draw in
      guard let place = draw.definition?.sampling?.noiseOperand else { return nil }
      let noise = graph[draw.operands[place]]
      return noise.isNoise && feeds.inputs[noise.label] != nil ? noise.label : nil
    }
  }

  /// What a reader of the report has to know of how its numbers were taken.
  func notes(
    _ feeds: Feeds, _ program: SplitProgram, _ options: GradientFlow.Options
  ) -> [String] {
    var notes: [String] = []
    let repeated = zip(program.targets, program.copies).filter { $0.1.count > 1 }
    if let draws = repeated.first?.1.count {
      let names = Set(repeated.map(\.0.name)).sorted().map { "'\($0)'" }.joined(separator: ", ")
      // A latent's statistics are of the parameters.
      let what = repeated[0].0.role == draw.role ? "gradients are" : "gradients and latents are"
      notes.append(
        "at \(names) \(what) of all \(draws) draws together, each with a share of 1/\(draws) in "
          + "the loss; values, formulas, difference quotients and drawings are of the first")
    }
    if isNoiseFed(feeds), let noise {
      let which =
        operation.draws > 1
        ? "the first of \(operation.draws) draws is this one, the others have noise of their own"
        : "all draws are this one"
      notes.append(
        options.isExact
          ? "'\(noise)' is given, and not used: expectations are over it"
          : "'\(noise)' is given: \(which), and no estimators are compared")
    }
    if isApplied {
      notes.append(
        "the estimator of '\(name)' is part of the graph already: no others are compared with it")
    }
    if estimator.divergence != .closed, bendsDivergence(loss: program.loss) {
      notes.append(
        "\(estimator.name) samples the divergence, of which '\(program.loss)' is no weighted sum: "
          + "it is another loss than that of the closed form")
    }
    guard options.comparesEstimators, isCompared(feeds, isExact: options.isExact) else {
      return notes
    }
    if !program.heldDraws.isEmpty {
      let names = program.heldDraws.map { "'\($0)'" }.joined(separator: ", ")
      notes.append("estimators are compared with \(names) held as first drawn")
    }
    for other in graph.draws where other.id != node.id && !program.heldDraws.contains(other.label) {
      guard let count = other.operation?.draws, count > 1 else { continue }
      notes.append(
        "estimators are compared with the mean over \(count) draws of '\(other.label)' for each "
          + "draw of '\(name)'")
    }
    let given = noiseFed(feeds, besides: program.heldDraws)
    if !given.isEmpty {
      let names = given.map { "'\($0)'" }.joined(separator: ", ")
      notes.append("estimators are compared with \(names) as given in every draw")
    }
    for parameter in parameters {
      guard let id = graph.node(named: parameter.name)?.id else { continue }
      let needed = graph.needed(by: [id])
      for other in parameters where other.name != parameter.name {
        guard let source = graph.node(named: other.name)?.id, needed[source.index] else { continue }
        notes.append(
          "estimators are compared with '\(parameter.name)' held while '\(other.name)', which it "
            + "depends on, moves: their means at '\(other.name)' leave that way out")
      }
    }
    return notes
  }
}
