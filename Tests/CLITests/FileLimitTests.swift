import Ayatori
import Foundation
import Testing

/// Files that may not grow, as under `ulimit -f` or a quota: every command says so, and leaves
/// nothing behind.
@Suite(
  .disabled(
    if: Tool.isSanitized, "a sanitizer keeps its own memory in files, which may not grow either"))
struct FileLimitTests {
  /// Runs with files that end at 8 KiB.
  private static func runLimited(
    _ arguments: [String], in directory: String
  ) throws -> Tool.Result {
    try Tool.launch(
      "/bin/bash", ["-c", "ulimit -f 8; exec \"$0\" \"$@\"", Tool.binary] + arguments,
      in: directory)
  }

  private static let vae = "Graphs/vae_pytorch.aya"

  @Test(arguments: [
    ["run", vae, "--outputs", "fc1.W", "-o", "out.npz"],
    ["opt", "deep.aya", "-o", "out.aya"],
    ["plan", vae, "--dim", "N=4", "-o", "out.svg"],
    ["profile", vae, "--batch-size", "4", "--runs", "5", "--trace", "out.json"],
    ["dot", vae, "-o", "out.dot"],
    ["opt", "deep.aya", "--dump-dir", "dumps"],
    ["print", "deep.aya"],
    ["ops"],
  ])
  func isTold(_ arguments: [String]) throws {
    try Tool.withDirectory { directory in
      // A graph whose text is longer than a file may be.
      let lines = (0..<1000).map { "  a\($0 + 1) = tanh(a\($0))\n" }.joined()
      let deep = "graph deep {\n  input a0: f32[4]\n\(lines)  output a1000\n}\n"
      try Tool.write(deep, to: directory + "deep.aya")
      let result = try Self.runLimited(arguments, in: directory)
      #expect(result.status == 1, "\(result.status) \(result.err)")
      #expect(!result.ids.isEmpty && result.err.contains("File too large"), "\(result.err)")
      let left = try FileManager.default.subpathsOfDirectory(atPath: directory)
        .filter { $0.contains(".tmp") || $0.hasPrefix("out.") }
      #expect(left.isEmpty, "\(left)")
    }
  }

  /// A run that comes to no checkpoint leaves an earlier one's course beside its checkpoints.
  @Test func dont_mixCoursesOnTheWay() throws {
    try Tool.withDirectory { directory in
      // Of 24 steps; its course is shorter than files may be, its checkpoint is not.
      let flags = TrainCommandTests.small + ["--epochs", "1", "--record-gradflow", "24"]
      expectFine(try Tool.run(flags + ["--out", "run"], in: directory))
      let course = try readFile(directory + "run/gradflow.json")
      #expect(course.count < 8192)
      let result = try Self.runLimited(flags + ["--seed", "5", "--out", "run"], in: directory)
      #expect(result.status == 1 && result.ids == ["file-not-written"], "\(result.err)")
      #expect(try readFile(directory + "run/gradflow.json") == course)
    }
  }

  /// Few files may be open: there is a picture or a reason. The Swift runtime itself needs eight.
  @Test(arguments: [8, 10, 11, 12, 13, 14, 16, 18, 40]) func fewOpenFiles(limit: Int) throws {
    try Tool.withDirectory { directory in
      let result = try Tool.launch(
        "/bin/bash",
        ["-c", "ulimit -n \(limit); exec \"$0\" \"$@\"", Tool.binary]
          + ["dot", Self.vae, "-o", "out.svg"], in: directory)
      #expect([0, 1].contains(result.status), "\(result.status) \(result.err)")
      let files = try Tool.files(in: directory)
      #expect(files == (result.status == 0 ? ["out.svg"] : []))
    }
  }

  @Test func dont_refuseWhatFits() throws {
    try Tool.withDirectory { directory in
      let result = try Self.runLimited(
        ["run", Self.vae, "--outputs", "fc1.b", "-o", "out.npz"], in: directory)
      expectFine(result)
      #expect(try Tool.files(in: directory) == ["out.npz"])
    }
  }

  /// What a killed process has left beside a target goes when something is written there.
  @Test func leftoversGo() throws {
    try Tool.withDirectory { directory in
      // No process has the largest number that one could have.
      let dead = ".ayatori-4194304-1a.tmp"
      let others = [
        ".ayatori-\(ProcessInfo.processInfo.processIdentifier)-1b.tmp", ".ayatori-x-1.tmp",
        ".ayatori-4194304-1a.txt", ".ayatori-0-1.tmp", ".ayatori--1-1.tmp", ".other.tmp",
      ]
      for name in [dead] + others { try Tool.write("x", to: directory + name) }
      let locked = ".ayatori-4194304-2a.tmp"
      try Tool.write("x", to: directory + locked)
      let file = try FileHandle(forUpdating: URL(filePath: directory + locked))
      defer { try? file.close() }
      let status = flock(file.fileDescriptor, LOCK_EX | LOCK_NB)
      try #require(status == 0)
      let link = ".ayatori-4194304-3a.tmp"
      try FileManager.default.createSymbolicLink(
        atPath: directory + link, withDestinationPath: "nowhere")
      expectFine(
        try Tool.run(["run", Self.vae, "--outputs", "fc1.b", "-o", "out.npz"], in: directory))
      let left = try Tool.files(in: directory)
      #expect(left == (others + [locked, link, "out.npz"]).sorted(), "\(left)")
    }
  }
}
