public import GraphIR

extension LayerDefinition {
  /// `layer fc = linear(in, out) init torch | chainer | xavier | zeros`: W [out, in] and b [out].
  ///
  /// - `torch`: both U(±1/√in), PyTorch's `nn.Linear` default.
  /// - `chainer`: W from N(0, 1/in), b zero, Chainer's `L.Linear` default.
  /// - `xavier`: W from U(±√(6/(in + out))), b zero.
  /// - `zeros`: both zero.
  public static let linear = LayerDefinition(
    name: "linear", summary: "x·Wᵀ + b with W [out, in] and b [out]", arguments: ["in", "out"],
    schemes: ["torch", "chainer", "xavier", "zeros"], op: .linear
  ) { arguments, scheme in
    let (inputs, outputs) = (arguments[0], arguments[1])
    let (weight, bias): (Initializer, Initializer) =
      switch scheme {
      case "chainer": (.lecunNormal(fanIn: inputs), .zeros)
      case "xavier": (.xavierUniform(fanIn: inputs, fanOut: outputs), .zeros)
      case "zeros": (.zeros, .zeros)
      default: (.torchLinear(fanIn: inputs), .torchLinear(fanIn: inputs))
      }
    return [Parameter("W", [outputs, inputs], weight), Parameter("b", [outputs], bias)]
  }
}

/// A layer made by a builder: `let fc1 = graph.linear("fc1", from: 784, to: "H")`, `fc1(x)`.
public struct Layer {
  public let definition: LayerDefinition
  /// In the order that the layer's op takes them after its input.
  public let parameters: [Value]

  public func callAsFunction(_ x: Value) -> Value {
    x.builder.make(definition.op, [x] + parameters)
  }
}

extension GraphBuilder {
  /// Makes the parameters `name.W` and `name.b` of a linear layer.
  ///
  /// `scheme` is one of `LayerDefinition.linear.schemes`; misuse traps.
  public func linear(
    _ name: String, from inputs: Dim, to outputs: Dim, initializer scheme: String = "torch",
    dtype: DType = .f32
  ) -> Layer {
    let definition = LayerDefinition.linear
    precondition(
      definition.schemes.contains(scheme),
      "'\(scheme)' is no initialiser of a linear layer; there are \(definition.schemes)")
    return Layer(
      definition: definition,
      parameters: definition.parameters([inputs, outputs], scheme).map {
        parameter("\(name).\($0.suffix)", ValueType(dtype, $0.shape), $0.initializer)
      })
  }
}
