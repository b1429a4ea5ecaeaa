public import ArgumentParser
import Ayatori
import Drawing
import Foundation
import GraphIR

extension DrawingStyle: ExpressibleByArgument {}

struct Dot: AsyncParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Draws a graph as Graphviz DOT, or as a picture.",
    discussion: """
      DOT goes to stdout or to the file after -o; a name ending in .svg, .png or .pdf runs \
      Graphviz. The style 'chainer' draws as Chainer's computational_graph did and needs every \
      dimension bound.
      """)
  static let example = "ayatori dot Graphs/vae_chainer.aya --dim N=100 --style chainer -o vae.svg"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var stage: StageOptions

  @Option(name: .long, help: "ayatori or chainer.")
  var style: DrawingStyle = .ayatori

  @Option(
    name: .shortAndLong,
    help: "Where to write: a picture as .svg, .png or .pdf, DOT under any other name.")
  var output: String?

  func run() async throws {
    let drawn = try stage.graph(of: try graph.load())
    if style == .chainer, stage.stage == .gradient || stage.stage == .optimized {
      Console.error("note: the style 'chainer' draws what the loss needs; gradients are left out")
    }
    let sizes = drawn.sizes()
    let text = try dot(
      drawn, style: style,
      annotations: DrawingAnnotations(
        constants: drawn.constantValues(sizes: sizes), sizes: sizes, title: nil))
    guard let output else {
      return try Console.output(text)
    }
    // A picture that Graphviz is not asked for is a mistake; any other name takes the text.
    if Graphviz.isPicture(output) {
      Console.report(try await Graphviz.render(text, to: output))
    } else {
      try AtomicFile.write(Array(text.utf8), to: output)
    }
  }
}
