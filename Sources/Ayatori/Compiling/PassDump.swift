public import GraphIR
public import Passes
import Synchronization

/// Writes what passes do into a directory: numbered files that `ayatori` reads again.
///
///     00__input.aya  01__lower_sampling.aya  02__stabilize.aya  03__gradient.aya
///     04__forward_contributions.aya  …
///
/// Each graph comes with its picture, `.dot`, and each pass with its log, `.json`. A graph that
/// comes from elsewhere than the pass before it has a number of its own: the first one, and what
/// derivatives made of the last. The graph that a pass is given is always on disk before the pass
/// runs, so that a crash leaves it. Every file is written whole or not at all.
public final class PassDump: Sendable {
  /// Which graphs are written.
  public enum Mode: String, CaseIterable, Sendable {
    /// What each pass was given.
    case before
    /// What each pass made.
    case after
    /// What each pass made, where it changed anything.
    case changed
  }

  private struct State {
    var number = 0
    /// The graph that left the last pass, and its text.
    var last: (graph: Graph, text: String)?
    /// The file that holds what the running pass was given.
    var input: String?
  }

  public let directory: String
  public let mode: Mode
  private let state = Mutex(State())

  /// Makes the directory, with those above it. Throws a diagnostic when that cannot be, and when
  /// it cannot be written to.
  public init(_ directory: String, mode: Mode = .changed) throws(Diagnostic) {
    self.directory = directory
    self.mode = mode
    try makeDirectory(directory)
  }

  /// The file that holds what the running pass, or the last one, was given.
  public var input: String? { state.withLock { $0.input } }

  /// Writes as the passes run. What cannot be written ends the run with a diagnostic.
  public var observer: PassManager.Observer {
    PassManager.Observer(
      willRun: { [self] _, pass, graph in try enter(pass, graph) },
      didFail: { [self] _, failure in try fail(failure) },
      didRun: { [self] step in try leave(step) })
  }

  private func enter(_ pass: Pass, _ graph: Graph) throws {
    try state.withLock { state in
      if let last = state.last, last.graph.isSame(as: graph) {
        if mode == .before {
          state.input = try write(last.graph, last.text, path(state.number, pass.name) + ".before")
        }
        return
      }
      let text = graph.text()
      let isDerived = graph.nodes.contains { $0.role != .forward }
      state.input = try write(graph, text, path(state.number, isDerived ? "gradient" : "input"))
      state.number += 1
      state.last = (graph, text)
    }
  }

  private func leave(_ step: PassStep) throws {
    try state.withLock { state in
      let text = step.after.text()
      let path = path(state.number, step.pass.name)
      let isChanged = step.changed || text != state.last?.text
      if mode != .changed || isChanged {
        if mode != .before { state.input = try write(step.after, text, path) }
        try AtomicFile.write(
          PassReport(step).json(), to: path + ".json", replacingLinks: true)
      }
      state.number += 1
      state.last = (step.after, text)
    }
  }

  /// What a pass broke cannot be read again, and stands in a file of another kind.
  private func fail(_ failure: PassFailure) throws {
    try state.withLock { state in
      try AtomicFile.write(
        Array("\(failure)\n".utf8), to: path(state.number, failure.pass) + ".failed.txt",
        replacingLinks: true)
    }
  }

  private func path(_ number: Int, _ name: String) -> String {
    let digits = String(number)
    let stem = String(repeating: "0", count: max(0, 2 - digits.count)) + digits + "__" + name
    return directory.hasSuffix("/") ? directory + stem : directory + "/" + stem
  }

  /// The graph as text and as a picture; returns the text's path.
  private func write(_ graph: Graph, _ text: String, _ path: String) throws -> String {
    try AtomicFile.write(Array(text.utf8), to: path + ".aya", replacingLinks: true)
    let sizes = graph.sizes()
    let picture = try dot(
      graph, style: .ayatori,
      annotations: DrawingAnnotations(
        constants: graph.constantValues(sizes: sizes), sizes: sizes, title: nil))
    try AtomicFile.write(Array(picture.utf8), to: path + ".dot", replacingLinks: true)
    return path + ".aya"
  }
}
