import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import VAE

/// A file or directory of a command line, with the flag or argument that names it.
struct NamedFile {
  let flag: String
  let path: String

  init(_ flag: String, _ path: String) {
    self.flag = flag
    self.path = path
  }

  /// Nil where the flag was not given.
  init?(_ flag: String, _ path: String?) {
    guard let path else { return nil }
    self.init(flag, path)
  }

  /// The files of a data set, which may be named or be a directory.
  static func dataSet(_ spec: String?) -> [NamedFile] {
    guard let spec else { return [] }
    return DataSet.files(of: spec).map { NamedFile("--data", $0) }
  }

  /// Whether it lies in a directory, itself or what it is a link to, under a name of a kind.
  func lies(in directory: String, where isName: (String) -> Bool) -> Bool {
    [path, AtomicFile.target(of: path)].contains {
      isName(fileName(of: $0)) && isSameFile(directoryName(of: $0), directory)
    }
  }

  fileprivate var words: String { "\(flag) '\(path)'" }
}

extension PassOptions {
  /// Throws a `UsageFailure` when what a command writes is a file that it reads, or is written
  /// twice: under whatever name or link. Pipes and devices may be both.
  func check(reading inputs: [NamedFile?], writing outputs: [NamedFile?]) throws(UsageFailure) {
    try PassOptions.check(reading: inputs, writing: outputs, dumping: dumpDir)
  }

  /// As above, of a command that need not dump.
  static func check(
    reading inputs: [NamedFile?], writing outputs: [NamedFile?], dumping dumpDir: String? = nil
  ) throws(UsageFailure) {
    let (inputs, outputs) = (inputs.compactMap(\.self), outputs.compactMap(\.self))
    var found: [Diagnostic] = []
    for output in outputs {
      let read = inputs.first { isRegularFile($0.path) && isSameFile($0.path, output.path) }
      if let read { found.append(.outputIsInput(output, read)) }
      if let dump = dump(into: dumpDir, over: output) { found.append(.writtenTwice(output, dump)) }
      if let dumpDir, isSameName(dumpDir, output.path) {
        found.append(.writtenTwice(output, NamedFile("--dump-dir", dumpDir)))
      }
    }
    for input in inputs {
      guard let dump = dump(into: dumpDir, over: input) else { continue }
      found.append(.outputIsInput(dump, input))
      break
    }
    if !found.isEmpty { throw UsageFailure(diagnostics: found) }
  }

  /// The directory of `--dump-dir`, where the file lies in it under a name that dumps have.
  private static func dump(into dumpDir: String?, over file: NamedFile) -> NamedFile? {
    guard let dumpDir, file.lies(in: dumpDir, where: { $0.prefixMatch(of: /[0-9]+__/) != nil })
    else { return nil }
    return NamedFile("--dump-dir", dumpDir)
  }
}

/// Whether two names are one, of what need not be there yet.
private func isSameName(_ a: String, _ b: String) -> Bool {
  fileName(of: a) == fileName(of: b) && isSameFile(directoryName(of: a), directoryName(of: b))
}

/// Whether the path leads to a file that holds its bytes: no pipe, no device, no directory.
private func isRegularFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}

/// A path as the command line gives it. Throws for an empty one, which would name the root or the
/// current directory once a file's name is added to it.
@Sendable func filePath(_ text: String) throws -> String {
  if text.isEmpty { throw ValidationError("an empty name is that of no file") }
  return text
}

extension Diagnostic {
  fileprivate static func outputIsInput(_ output: NamedFile, _ input: NamedFile) -> Diagnostic {
    Diagnostic(
      "output-is-input", "\(output.words) would overwrite what is read: \(input.words)",
      place: output.path, expected: "a file that the command does not read",
      got: "the file that \(input.flag) names", fix: "write to another file")
  }

  fileprivate static func writtenTwice(_ output: NamedFile, _ other: NamedFile) -> Diagnostic {
    Diagnostic(
      "written-twice", "\(output.words) and \(other.words) would overwrite each other",
      place: output.path, expected: "a file of its own", got: "a name that \(other.flag) uses",
      fix: "write to another file")
  }
}
