import Ayatori
import CFuzzer
import Foundation
import GraphIR

/// `Fuzz TARGET [libFuzzer's flags and corpus directories]`. Tools/fuzz calls it; without a target
/// it lists them. What libFuzzer starts itself finds the target in the environment.
@main struct Main {
  static func main() {
    var words = CommandLine.arguments
    if let name = ProcessInfo.processInfo.environment[variable] { words.insert(name, at: 1) }
    guard words.count > 1, let target = FuzzTarget.named(words[1]) else {
      for target in FuzzTarget.all { print("\(target.name)\t\(target.summary)") }
      exit(words.count > 1 ? 64 : 0)
    }
    if words.count == 3, words[2] == "-words" {
      for word in target.words { print("\"\(word)\"") }
      return
    }
    if words.count == 4, words[2] == "-show" {
      print(target.describe(bytes(of: words[3])))
      return
    }
    chosen = target
    setenv(variable, target.name, 1)
    // libFuzzer reads the flags behind the program's name.
    var arguments = ([words[0]] + words.dropFirst(2)).map { strdup($0) }
    var count = CInt(arguments.count)
    let status = arguments.withUnsafeMutableBufferPointer { buffer in
      var base = buffer.baseAddress
      return LLVMFuzzerRunDriver(&count, &base) { data, size in
        Main.chosen?.run([UInt8](UnsafeBufferPointer(start: data, count: size)))
        return 0
      }
    }
    exit(status)
  }

  private static let variable = "AYATORI_FUZZ_TARGET"

  /// Set once, before the driver starts: its call-back can capture nothing.
  nonisolated(unsafe) private static var chosen: FuzzTarget?

  private static func bytes(of path: String) -> [UInt8] {
    do throws(Diagnostic) {
      return try readFile(path)
    } catch {
      print(error.rendered())
      exit(1)
    }
  }
}
