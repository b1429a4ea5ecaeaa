import Foundation

/// The repository as files, found from this one.
enum House {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../..").standardizedFileURL

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// Paths below `folder`, relative to the repository, sorted.
  static func files(_ folder: String, ending: String = ".swift") -> [String] {
    let below = try? FileManager.default.subpathsOfDirectory(
      atPath: root.appending(path: folder).path)
    return (below ?? []).filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
  }

  static let sources = files("Sources")

  /// Names at the top level that are not git-ignored; what git does not know is asked of the
  /// directory, without build products and runs.
  static func topLevel() throws -> Set<String> {
    let git = Process()
    git.executableURL = URL(filePath: "/usr/bin/env")
    git.arguments = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    git.currentDirectoryURL = root
    let output = Pipe()
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    try git.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    let listed = String(decoding: data, as: UTF8.self).split(separator: "\n")
    if git.terminationStatus == 0, !listed.isEmpty {
      return Set(listed.compactMap { $0.split(separator: "/").first.map(String.init) })
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: root.path)
    return Set(names.filter { !["runs", "out", "Package.resolved"].contains($0) })
  }

  /// Swift text with comments blanked out, lines kept; string literals stay.
  static func code(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    var depth = 0
    var isString = false
    while let character = rest.first {
      let pair = rest.prefix(2)
      if depth > 0 {
        if pair == "*/" || pair == "/*" {
          depth += pair == "*/" ? -1 : 1
          rest = rest.dropFirst(2)
          continue
        }
        if character == "\n" { result.append(character) }
      } else if isString {
        result.append(character)
        if character == "\\" {
          rest = rest.dropFirst()
          if let escaped = rest.first { result.append(escaped) }
        } else if character == "\"" || character == "\n" {
          isString = false
        }
      } else if pair == "//" {
        rest = rest.drop { $0 != "\n" }
        continue
      } else if pair == "/*" {
        depth = 1
        rest = rest.dropFirst(2)
        continue
      } else {
        isString = character == "\""
        result.append(character)
      }
      rest = rest.dropFirst()
    }
    return result
  }
}
