import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import Runtime

struct Profile: ParsableCommand, HasExample {
  static let configuration = CommandConfiguration(
    abstract: "Shows where the time of a step goes.",
    discussion: """
      """)
  static let example = "ayatori profile Graphs/vae_pytorch.aya --batch-size 64"

  @Argument(help: "The graph file (.aya).", completion: .file(extensions: ["aya"]))
  var file: String

  @OptionGroup var overrides: OverrideOptions
  @OptionGroup(title: "Passes") var passes: PassOptions

  @Option(name: .long, parsing: .unconditional, help: "The size of every free dimension.")
  var batchSize = 64

  @Option(name: .long, parsing: .unconditional, help: "Runs to measure.")
  var runs = 200

  @Option(name: .long, parsing: .unconditional, help: "Threads.")
  var threads: Int?

  func run() throws {
    if let threads { WorkerPool.setShared(threads: threads) }
    let source = try overrides.load(file)
    let compiler = try passes.compiler()
    let loss = try Compiler.lossName(of: source)
    let program = try Program(
      try compiler.trainingGraph(of: source, loss: loss, optimizer: .adam()), outputs: [loss])
    var sizes = source.sizes()
    for dimension in source.dimensions where dimension.defaultSize == nil {
      sizes[dimension.name] = batchSize
    }
    let state = try StateStore(program.graph, sizes: sizes)
    try state.initialize(seed: 0)
    let bound = try BoundProgram(program, sizes: sizes, state: state)
    var refills: [() -> Void] = []
    for name in bound.fedNames {
      guard let buffer = bound.inputBuffer(name) else { continue }
      let drawn = NoiseStream(seed: 0, name: "bench/\(name)").values(
        .uniform, count: buffer.count, step: 0)
      let array = NDArray(converting: drawn, to: buffer.dtype, shape: buffer.shape)
      refills.append {
        array.withUnsafeBytes { bytes in
          if let base = bytes.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
          }
        }
      }
    }
    let profile = try bound.profile(runs: runs) { refills.forEach { $0() } }
    let graph = program.graph
    var rows = [["wave", "step", "part", "units", "µs", "busy µs", "GF/s", "GB/s", "nodes"]]
    for phase in profile.phases.sorted(by: { ($0.wave, $0.step ?? 0) < ($1.wave, $1.step ?? 0) }) {
      let nodes = phase.nodes.suffix(3).map { graph[$0].mention }.joined(separator: " ")
      rows.append([
        "\(phase.wave)", phase.step.map { "\($0 + 1)" } ?? "", phase.part, "\(phase.units)",
        String(format: "%.1f", phase.seconds * 1e6),
        String(format: "%.1f", phase.busySeconds * 1e6),
        String(format: "%.1f", Double(phase.flops) / phase.seconds * 1e-9),
        String(format: "%.1f", Double(phase.bytes) / phase.seconds * 1e-9),
        "\(phase.nodes.count): \(nodes)",
      ])
    }
    try Console.result(TextTable(rows, right: Set(0..<8)).text)
    print(
      "total", profile.seconds * 1e6, "waves", profile.waves, "busy",
      profile.phases.map(\.busySeconds).reduce(0, +) * 1e6)
  }
}
