import Ayatori
import Foundation
import Subprocess

/// Turns DOT into pictures with Graphviz's `dot`, which may or may not be installed.
enum Graphviz {
  /// The formats that are offered, by the extension of the file.
  static let formats = ["svg", "png", "pdf"]

  /// Extensions of pictures, offered or not: DOT text under such a name would mislead.
  private static let pictures = ["jpg", "jpeg", "gif", "bmp", "webp", "tif", "tiff", "ps", "eps"]

  /// Whether the name is that of a picture.
  static func isPicture(_ path: String) -> Bool {
    format(of: path) != nil || pictures.contains { path.lowercased().hasSuffix(".\($0)") }
  }

  /// The format that the extension of `path` asks for, or nil when `dot` is not needed for it.
  static func format(of path: String) -> String? {
    guard let name = path.split(separator: "/").last, let dot = name.lastIndex(of: ".") else {
      return nil
    }
    let format = name[name.index(after: dot)...].lowercased()
    return formats.contains(format) ? format : nil
  }

  /// Draws `dot` into the file at `path`, which is replaced only by a finished picture.
  ///
  /// Gives what Graphviz had to say about it, as warnings to print. Throws a diagnostic for an
  /// extension that is no format and for a missing or failing `dot`.
  @discardableResult
  static func render(_ dot: String, to path: String) async throws -> [Diagnostic] {
    guard let format = format(of: path) else { throw Diagnostic.unknownPicture(path) }
    let (picture, warnings) = try await layOut(dot, as: format, for: path)
    try AtomicFile.write(picture, to: path)
    return warnings
  }

  /// Whether as many files can be opened as a process with three pipes takes: swift-subprocess ends
  /// the program where it gets one pipe and not the next.
  private static var canLaunch: Bool {
    var opened: [Int32] = []
    defer { for descriptor in opened { close(descriptor) } }
    while opened.count < 16 {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      if descriptor < 0 { return false }
      opened.append(descriptor)
    }
    return true
  }

  /// The picture of `dot` in a format, meant for the file at `path`, and what Graphviz had to say.
  static func layOut(
    _ dot: String, as format: String, for path: String
  ) async throws -> (picture: [UInt8], warnings: [Diagnostic]) {
    guard canLaunch else { throw Diagnostic.graphvizFailed("too many files are open") }
    let result: ExecutionResult<Void, BytesOutput, StringOutput<UTF8>>
    do {
      result = try await run(
        .name("dot"), arguments: ["-T\(format)"], input: .array(Array(dot.utf8)),
        output: .bytes(limit: .max), error: .string(limit: 1 << 20))
    } catch let error as SubprocessError {
      throw error.code == .executableNotFound
        ? Diagnostic.graphvizMissing(path) : .graphvizFailed("\(error)")
    }
    let complaints = result.standardError.split(separator: "\n").map(String.init)
    guard result.terminationStatus.isSuccess else {
      throw Diagnostic.graphvizFailed("\(result.terminationStatus)", complaints)
    }
    return (
      result.standardOutput, complaints.isEmpty ? [] : [.graphvizComplained(path, complaints)]
    )
  }
}

extension Diagnostic {
  /// A picture is asked for in a format that is not offered.
  fileprivate static func unknownPicture(_ path: String) -> Diagnostic {
    Diagnostic(
      "unknown-picture-format", "'\(path)' does not say which picture to draw",
      place: path,
      expected: "a file that ends in " + Graphviz.formats.map { ".\($0)" }.joined(separator: ", "),
      fix: "name the output graph.svg")
  }

  /// `dot` is not in PATH.
  fileprivate static func graphvizMissing(_ path: String) -> Diagnostic {
    Diagnostic(
      "graphviz-missing", "drawing '\(path)' takes Graphviz, and there is no 'dot' in PATH",
      place: path, fix: "apt-get install graphviz")
  }

  /// `dot` made the picture and was not happy with it: a font is missing, or the text is doubtful.
  fileprivate static func graphvizComplained(
    _ path: String, _ complaints: [String]
  ) -> Diagnostic {
    Diagnostic(
      "graphviz-warning", "Graphviz drew '\(path)' and had something to say", severity: .warning,
      place: path, notes: complaints.prefix(10).map { Diagnostic.Note($0) })
  }

  /// `dot` ran and made no picture.
  fileprivate static func graphvizFailed(
    _ reason: String, _ complaints: [String] = []
  ) -> Diagnostic {
    Diagnostic(
      "graphviz-failed", "Graphviz did not draw the graph: \(reason)", place: "dot",
      notes: complaints.prefix(10).map { Diagnostic.Note($0) })
  }
}
