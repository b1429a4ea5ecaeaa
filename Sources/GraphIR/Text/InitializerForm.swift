/// How an initialiser is spelled; the elaborator reads and the printer writes by the same table.
struct InitializerForm {
  var name: String
  var arguments: [String]
  /// Whether the arguments are sizes rather than numbers.
  var takesDims = false

  static let all = [
    InitializerForm(name: "zeros", arguments: []),
    InitializerForm(name: "constant", arguments: ["value"]),
    InitializerForm(name: "uniform", arguments: ["low", "high"]),
    InitializerForm(name: "normal", arguments: ["mean", "stddev"]),
    InitializerForm(name: "xavier_uniform", arguments: ["fan_in", "fan_out"], takesDims: true),
    InitializerForm(name: "torch_linear", arguments: ["fan_in"], takesDims: true),
    InitializerForm(name: "lecun_normal", arguments: ["fan_in"], takesDims: true),
  ]

  /// The form as a person would write it: `uniform(low:, high:)`.
  var signature: String {
    arguments.isEmpty
      ? name : name + "(" + arguments.map { "\($0):" }.joined(separator: ", ") + ")"
  }

  func initializer(dims: [Dim], scalars: [Scalar]) -> Initializer? {
    switch name {
    case "zeros": .zeros
    case "constant" where scalars.count == 1: .constant(scalars[0])
    case "uniform" where scalars.count == 2:
      .uniform(low: scalars[0].doubleValue, high: scalars[1].doubleValue)
    case "normal" where scalars.count == 2:
      .normal(mean: scalars[0].doubleValue, standardDeviation: scalars[1].doubleValue)
    case "xavier_uniform" where dims.count == 2: .xavierUniform(fanIn: dims[0], fanOut: dims[1])
    case "torch_linear" where dims.count == 1: .torchLinear(fanIn: dims[0])
    case "lecun_normal" where dims.count == 1: .lecunNormal(fanIn: dims[0])
    default: nil
    }
  }
}

extension Initializer {
  /// The initialiser as the parser reads it back.
  package var text: String {
    func number(_ value: Double) -> String { Scalar.float(value).description }
    return switch self {
    case .zeros: "zeros"
    case .constant(let value): "constant(\(value))"
    case .uniform(let low, let high): "uniform(low: \(number(low)), high: \(number(high)))"
    case .normal(let mean, let deviation):
      "normal(mean: \(number(mean)), stddev: \(number(deviation)))"
    case .xavierUniform(let fanIn, let fanOut):
      "xavier_uniform(fan_in: \(fanIn), fan_out: \(fanOut))"
    case .torchLinear(let fanIn): "torch_linear(fan_in: \(fanIn))"
    case .lecunNormal(let fanIn): "lecun_normal(fan_in: \(fanIn))"
    }
  }
}
