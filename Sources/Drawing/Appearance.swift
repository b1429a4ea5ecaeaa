import GraphIR

/// What a box stands for. Shape and line style say it; the colour repeats it.
enum NodeLook: String, CaseIterable {
  case input, parameter, state, constant, noise
  case elementwise, comparison, reduction, matmul, movement, conversion, sampling, loss, barrier

  init(_ node: Node) {
    switch node.body {
    case .leaf(.input): self = .input
    case .leaf(.parameter): self = .parameter
    case .leaf(.state): self = .state
    case .leaf(.noise): self = .noise
    case .leaf(.constant), .leaf(.size): self = .constant
    case .operation(let operation):
      switch operation.definition.drawing.family {
      case .elementwise: self = .elementwise
      case .comparison: self = .comparison
      case .reduction: self = .reduction
      case .matmul: self = .matmul
      case .movement: self = .movement
      case .conversion: self = .conversion
      case .sampling: self = .sampling
      case .loss: self = .loss
      case .barrier: self = .barrier
      }
    }
  }

  /// What the legend says.
  var meaning: String {
    switch self {
    case .input: "input"
    case .parameter: "parameter"
    case .state: "state"
    case .constant: "constant"
    case .noise: "noise"
    case .elementwise: "elementwise"
    case .comparison: "comparison"
    case .reduction: "reduction"
    case .matmul: "matrix product"
    case .movement: "movement"
    case .conversion: "conversion"
    case .sampling: "sampling"
    case .loss: "loss term"
    case .barrier: "gradient barrier"
    }
  }

  var attributes: DOTWriter.Attributes {
    let (shape, style, color) = form
    var attributes: DOTWriter.Attributes = [
      ("shape", .text(shape)), ("style", .text(style)), ("color", .text(color.line)),
      ("fillcolor", .text(color.fill)),
    ]
    switch self {
    case .sampling: attributes += [("peripheries", .text("2"))]
    case .reduction:
      // A trapezium whose sides lean less than Graphviz's own, which is too wide for long names.
      attributes += [("sides", .text("4")), ("distortion", .text("0.2"))]
    default: break
    }
    switch self {
    // Graphviz draws these round the text's ellipse, which leaves room enough.
    case .input, .noise, .comparison, .reduction, .sampling, .loss, .barrier:
      attributes.append(("margin", .text("0.03,0.01")))
    default: break
    }
    return attributes
  }

  /// Shapes that occur once each, so that a black-and-white print says the same.
  private var form: (shape: String, style: String, color: Hue) {
    switch self {
    case .input: ("parallelogram", "filled", .grey)
    // Alone; a layer's parameters share a box of cells.
    case .parameter: ("tab", "filled", .orange)
    case .state: ("cylinder", "filled", .orange)
    case .constant: ("underline", "solid", .grey)
    case .noise: ("ellipse", "filled,dashed", .purple)
    case .elementwise: ("box", "filled,rounded", .sky)
    case .comparison: ("diamond", "filled", .sky)
    case .reduction: ("polygon", "filled", .green)
    case .matmul: ("box", "filled", .blue)
    case .movement: ("folder", "filled", .grey)
    case .conversion: ("note", "filled", .grey)
    case .sampling: ("hexagon", "filled", .purple)
    case .loss: ("invhouse", "filled", .yellow)
    case .barrier: ("octagon", "filled", .vermillion)
    }
  }
}

/// What an edge stands for.
enum EdgeLook: String, CaseIterable {
  case differentiable, nondifferentiable, shapeOnly, stopped, noise, adjointOf, update, removed, cut

  init(_ kind: EdgeKind) {
    switch kind {
    case .differentiable: self = .differentiable
    case .nondifferentiable: self = .nondifferentiable
    case .stopped: self = .stopped
    case .shapeOnly: self = .shapeOnly
    case .noise: self = .noise
    }
  }

  /// What the legend and the tooltips say.
  var meaning: String {
    switch self {
    case .differentiable: "differentiable"
    case .nondifferentiable: "not differentiable"
    case .shapeOnly: "shape only"
    case .stopped: "stopped: no gradient flows back"
    case .noise: "noise: no gradient flows into randomness"
    case .adjointOf: "adjoint of"
    case .update: "replaces after the step"
    case .removed: "no longer there"
    case .cut: "more that is not drawn"
    }
  }

  /// What stands at the edge itself, when the line alone would not do.
  var label: String? {
    switch self {
    case .stopped: "stopped"
    case .removed: GraphDiff.Kind.removed.sign
    default: nil
    }
  }

  /// The style, arrow and colour; `end` is the end of the edge that bears the arrow.
  func attributes(end: String = "arrowhead", in part: Part = .forward) -> DOTWriter.Attributes {
    switch self {
    case .differentiable:
      [("style", .text("solid")), ("color", .text(part.line)), (end, .text("normal"))]
    case .nondifferentiable:
      [("style", .text("dashed")), ("color", .text(part.line)), (end, .text("normal"))]
    case .shapeOnly:
      [
        ("style", .text("dotted")), ("color", .text(part.line)), ("penwidth", .text("0.8")),
        (end, .text("odot")),
      ]
    case .stopped:
      [
        ("style", .text("solid")), ("color", .text(Hue.vermillion.line)),
        ("penwidth", .text("1.6")),
        (end, .text("tee")),
      ]
    case .noise:
      [
        ("style", .text("dashed")), ("color", .text(Hue.purple.line)), ("penwidth", .text("1.4")),
        (end, .text("tee")),
      ]
    case .adjointOf:
      [
        ("style", .text("dotted")), ("color", .text(Hue.blue.line)), ("penwidth", .text("0.9")),
        (end, .text("vee")),
      ]
    case .update:
      [
        ("style", .text("dashed")), ("color", .text(Hue.green.line)), ("penwidth", .text("1.4")),
        (end, .text("empty")),
      ]
    case .removed:
      [
        ("style", .text("dashed")), ("color", .text(Hue.vermillion.line)),
        ("penwidth", .text("0.9")), (end, .text("open")),
      ]
    case .cut:
      [
        ("style", .text("dotted")), ("color", .text(Hue.grey.line)), ("penwidth", .text("0.8")),
        (end, .text("none")),
      ]
    }
  }
}

/// A third of a training graph, or what stands beside them because it belongs to several.
enum Part: Int, CaseIterable {
  case forward, gradient, update, mixed

  init(_ role: Role) {
    switch role {
    case .forward: self = .forward
    case .adjoint: self = .gradient
    case .update: self = .update
    }
  }

  /// The colour of its edges.
  var line: String {
    switch self {
    case .forward, .mixed: "#404040"
    case .gradient: Hue.vermillion.line
    case .update: Hue.green.line
    }
  }
}

/// The colours of Okabe & Ito (2008), told apart by the colour-blind, as a line and as a fill.
///
/// A line is the colour itself, darkened until it has a contrast of 3 on white (WCAG 2.1, 1.4.11);
/// a fill is the colour at a fifth on white, on which black text has a contrast above 15.
enum Hue {
  case orange, sky, green, yellow, blue, vermillion, purple, grey

  var line: String {
    switch self {
    case .orange: "#B87F00"
    case .sky: "#3A8FC4"
    case .green: "#007A5A"
    case .yellow: "#8F8720"
    case .blue: "#0072B2"
    case .vermillion: "#C25400"
    case .purple: "#A85C86"
    case .grey: "#5F5F5F"
    }
  }

  var fill: String {
    switch self {
    case .orange: "#FAECCC"
    case .sky: "#DDF0FB"
    case .green: "#CCECE3"
    case .yellow: "#FCFAD9"
    case .blue: "#CCE3F0"
    case .vermillion: "#F7DFCC"
    case .purple: "#F5E4ED"
    case .grey: "#F0F0F0"
    }
  }

  /// A fill for clusters, behind boxes: half of `fill`.
  var wash: String {
    switch self {
    case .blue: "#EAF3F9"
    default: fill
    }
  }

  static let ink = "#111111"
  /// Text of a second rank; contrast 7 on white.
  static let muted = "#4D4D4D"
}

extension GraphDiff.Kind {
  /// A box's attributes with the line that shows the mark: dashed for what went, thick for what
  /// came. The sign in the label says it first.
  func applied(to attributes: DOTWriter.Attributes) -> DOTWriter.Attributes {
    var attributes = attributes
    func set(_ name: String, _ value: String) {
      attributes.removeAll { $0.name == name }
      attributes.append((name, .text(value)))
    }
    switch self {
    case .removed:
      let style = attributes.lazy.compactMap { entry -> String? in
        if entry.name == "style", case .text(let text) = entry.value { text } else { nil }
      }.first
      let styles = (style ?? "").split(separator: ",").map(String.init)
      set(
        "style",
        (styles.filter { $0 != "solid" && $0 != "dashed" } + ["dashed"]).joined(separator: ","))
      set("color", Hue.vermillion.line)
    case .added:
      set("penwidth", "3.4")
      set("color", Hue.green.line)
    case .changed:
      set("color", Hue.blue.line)
    }
    return attributes
  }
}
