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

      --around, --from with --to, and --collapse draw part of a graph; what is cut off shows as …. \
      A drawing of very many boxes has its scopes collapsed, which it says; --no-collapse draws all.
      """)
  static let example = "ayatori dot Graphs/vae_chainer.aya --dim N=100 --style chainer -o vae.svg"

  @OptionGroup var graph: GraphOptions
  @OptionGroup var stage: StageOptions

  @Option(name: .long, help: "ayatori or chainer.")
  var style: DrawingStyle = .ayatori

  @OptionGroup(title: "Part of the graph") var part: DrawingFlags

  @Option(
    name: .shortAndLong,
    help: "Where to write: a picture as .svg, .png or .pdf, DOT under any other name.")
  var output: String?

  func validate() throws {
    if style == .chainer, !part.areUnset {
      throw ValidationError(
        "the style 'chainer' draws all that a loss needs: "
          + "it takes no --around, --from, --to, --collapse or --no-collapse")
    }
  }

  func run() async throws {
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
}
