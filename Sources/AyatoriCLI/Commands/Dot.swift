public import ArgumentParser
import Ayatori
import Drawing
import Foundation
import GraphIR
import VAE

extension DrawingStyle: ExpressibleByArgument {}

struct Dot: AsyncParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Draws a graph as Graphviz DOT, or as a picture.",
    discussion: """
      DOT goes to stdout or to the file after -o; a name ending in .svg, .png or .pdf runs \
      Graphviz. The style 'chainer' draws as Chainer's computational_graph did and needs every \
      dimension bound.

      --around, --from with --to, and --collapse draw part of a graph; what is cut off shows as …. \
      A drawing of very many boxes has its scopes collapsed, which it says; --no-collapse draws all.

      --gradflow draws the gradient of each term of the loss over the graph, as wide as its norm; \
      it takes what gradflow takes. Without inputs it draws where the gradient flows. \
      --reparameterization draws a sampling node twice, without the trick and with it.
      """)
  static let example = "ayatori dot Graphs/vae_chainer.aya --dim N=100 --style chainer -o vae.svg"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var stage: StageOptions

  @Option(name: .long, help: "ayatori or chainer.")
  var style: DrawingStyle = .ayatori

  @OptionGroup(title: "Part of the graph") var part: DrawingFlags

  @Option(
    name: .long, help: "Draws the gradient round this sampling node over the graph.")
  var gradflow: String?

  @Option(
    name: .long, help: "Draws this sampling node as random and as a function, side by side.")
  var reparameterization: String?

  @OptionGroup(title: "With --gradflow") var feed: FeedOptions

  @Option(
    name: .shortAndLong,
    help: "Where to write: a picture as .svg, .png or .pdf, DOT under any other name.",
    transform: filePath)
  var output: String?

  func validate() throws {
    if reparameterization != nil,
      gradflow != nil || style == .chainer || stage.stage != .source || !part.areUnset
    {
      throw ValidationError(
        "--reparameterization is a figure of its own: it takes no --gradflow, --style, --stage "
          + "and no part of the graph")
    }
    if gradflow == nil, !feed.areUnset {
      throw ValidationError(
        "--data, --batch-size, --inputs, --params and --seed go with --gradflow")
    }
    if gradflow != nil, style == .chainer || stage.stage == .gradient {
      throw ValidationError(
        "--gradflow draws in the style 'ayatori', at the stage source, lowered or optimized")
    }
    if style == .chainer, !part.areUnset {
      throw ValidationError(
        "the style 'chainer' draws all that a loss needs: "
          + "it takes no --around, --from, --to, --collapse or --no-collapse")
    }
  }

  func run() async throws {
    try stage.passes.check(
      reading: [NamedFile("the graph", graph.file)] + feed.files,
      writing: [NamedFile("-o", output)])
    if let reparameterization {
      let figure = try ReparameterizationDrawing(
        try graph.load(), node: reparameterization, loss: stage.loss)
      return try await DrawingOutput.write(
        DrawnGraph(text: figure.text(), notes: []), to: output)
    }
    if let gradflow { return try await drawFlow(at: gradflow) }
    let drawn = try stage.graph(of: try graph.load())
    if style == .chainer, stage.stage == .gradient || stage.stage == .optimized {
      Console.error("note: the style 'chainer' draws what the loss needs; gradients are left out")
    }
    let sizes = drawn.sizes()
    let drawing = try draw(
      drawn, style: style,
      annotations: DrawingAnnotations(
        constants: drawn.constantValues(sizes: sizes), sizes: sizes, title: nil),
      options: style == .chainer ? DrawingOptions() : part.options)
    try await DrawingOutput.write(drawing, to: output)
  }

  private func drawFlow(at node: String) async throws {
    let source = try graph.load()
    let feeds = try feed.feeds(for: source)
    let missing = source.inputs.map(\.label).filter { feeds.inputs[$0] == nil }
    if !missing.isEmpty {
      Console.error(
        "note: no value for \(missing.joined(separator: ", ")): the drawing shows where the "
          + "gradient flows, not how much")
    }
    let drawing = try FlowDrawing(
      source, node: node, loss: stage.loss, stage: stage.stage,
      feeds: missing.isEmpty ? feeds : nil)
    let sizes = drawing.graph.sizes()
    var annotations = DrawingAnnotations(
      constants: drawing.graph.constantValues(sizes: sizes), sizes: sizes,
      title: "\(source.name): gradient round \(node)")
    annotations.flow = drawing.flow
    try await DrawingOutput.write(
      try draw(
        drawing.graph, style: .ayatori, annotations: annotations, options: part.options),
      to: output)
  }
}
