import GraphIR
import GraphOps

extension Stabilization {
  static let sigmoids: [RewriteRule] = [
    RewriteRule(
      "one_minus_sigmoid", "1 - sigmoid(x) => sigmoid(-x)", .reassociating, on: [.sub, .add]
    ) { site in
      guard let y = site.oneMinus(site.value) else { return nil }
      return site.movedOperand(of: y, .sigmoid).map { sigmoid(site.negated($0)) }
    },

    RewriteRule(
      "sigmoid_minus_one", "sigmoid(x) - 1 => -sigmoid(-x)", .reassociating, on: [.sub, .add]
    ) { site in
      guard let y = site.lessOne(site.value) else { return nil }
      return site.movedOperand(of: y, .sigmoid).map { -sigmoid(site.negated($0)) }
    },

    RewriteRule(
      "over_one_plus_exp", "c / (1 + exp(x)) => c * sigmoid(-x)", .reassociating,
      on: [.div, .reciprocal]
    ) { site in
      guard let last = site.operands.last, let e = site.onePlus(last),
        let x = site.operand(of: e, .exp)
      else { return nil }
      let result = sigmoid(site.negated(x))
      if site.operands.count == 1 { return result }
      return site.coefficient(site[0]) == 1 && result.type == site.type ? result : site[0] * result
    },
  ]
}
