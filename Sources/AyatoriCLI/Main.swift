import ArgumentParser
import Ayatori
import Foundation
import GraphIR
import Passes

/// `ayatori`: reads the command line, calls the library, prints.
struct AyatoriCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ayatori",
    abstract: "A define-then-run graph compiler that shows how a VAE works.",
    version: "0.1.0",
    subcommands: [
      Check.self, Print.self, Dot.self, Diff.self, Explain.self, Grad.self, Run.self, Train.self,
      Gradflow.self, Gradcheck.self, Plan.self, Profile.self, Opt.self, Bench.self,
      Ops.self,
    ])
}

extension AyatoriCommand: HasExample {
  static var example: String {
    "ayatori dot Graphs/vae_pytorch.aya -o vae.svg"
  }
}

/// A command whose help ends with an example that works as printed.
protocol HasExample {
  static var example: String { get }
}

@main
enum Main {
  /// Exit codes: 0 fine, 1 the input is wrong, 2 a check failed, 64 usage, 70 a bug in Ayatori,
  /// 128 + N stopped in order by signal N.
  static func main() async {
    // A file that may not grow (`ulimit -f`) is an error to be told, not the process's end.
    signal(SIGXFSZ, SIG_IGN)
    do {
      try refuseOtherBytes()
      var command = try AyatoriCommand.parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch {
      end(report(error))
    }
    end(0)
  }

  /// Ends the process. OpenBLAS would wait at its end for a thread of its own, which under a limit
  /// on memory may still be waiting for some.
  private static func end(_ status: Int32) -> Never {
    if BLASThreads.isMemoryLimited { _exit(status) }
    exit(status)
  }

  /// Throws where an argument is not UTF-8: as text it would be another one, and name another file.
  private static func refuseOtherBytes() throws(UsageFailure) {
    var found: [Diagnostic] = []
    for place in 1..<max(1, Int(CommandLine.argc)) {
      guard let bytes = CommandLine.unsafeArgv[place], String(validatingCString: bytes) == nil
      else { continue }
      found.append(
        Diagnostic(
          "argument-not-utf8", "'\(String(cString: bytes))' is not a text",
          place: "argument \(place)", expected: "UTF-8", got: "other bytes",
          fix: "rename the file"))
    }
    if !found.isEmpty { throw UsageFailure(diagnostics: found) }
  }

  private static func report(_ error: any Error) -> Int32 {
    switch error {
    case let diagnostics as Diagnostics:
      Console.report(diagnostics.all)
      return 1
    case let diagnostic as Diagnostic:
      Console.report([diagnostic])
      return 1
    case let failure as UsageFailure:
      Console.report(failure.diagnostics)
      return 64
    case let failure as CheckFailure:
      Console.report(failure.diagnostics)
      return 2
    case let interruption as Interruption: return 128 + interruption.signal
    case let failure as PassFailure:
      // A large graph would hide what is wrong with it.
      let lines = failure.graph.count { $0 == "\n" }
      return bug(lines <= 200 ? "\(failure)" : "\(failure.summary)\n(a graph of \(lines) lines)")
    case let failure as ValidationFailure: return bug("\(failure)")
    default: break
    }
    let code = AyatoriCommand.exitCode(for: error)
    let message = AyatoriCommand.fullMessage(for: error)
    if code == .success {
      let example = message.contains("USAGE:") ? "\n\nEXAMPLE:\n  \(requested().example)" : ""
      do throws(Diagnostic) {
        try Console.result(lines: message + example)
      } catch {
        Console.report([error])
        return 1
      }
    } else if let name = CommandLine.arguments.dropFirst().first, let near = misspelt(name) {
      Console.error("Error: there is no command '\(name)'. Did you mean '\(near)'?")
    } else if !message.isEmpty {
      Console.error(lines: showingArguments(message))
    }
    return code.rawValue
  }

  /// A message in which no argument breaks a line.
  private static func showingArguments(_ message: String) -> String {
    CommandLine.arguments.reduce(message) { message, argument in
      let shown = visibleLine(argument)
      return shown == argument ? message : message.replacing(argument, with: shown)
    }
  }

  /// What a pass did wrong, and where its input is.
  private static func bug(_ text: String) -> Int32 {
    Console.error(lines: "ayatori: a bug in Ayatori: \(text)")
    Console.error(
      CrashReport.input.map { "the graph that the pass was given is in \($0)" }
        ?? "--dump-dir DIR leaves the graph that the pass was given in a file")
    return 70
  }

  /// The command that a first word was meant to be.
  private static func misspelt(_ name: String) -> String? {
    let names = AyatoriCommand.configuration.subcommands.map { $0._commandName }
    return name.hasPrefix("-") || names.contains(name) ? nil : nearest(to: name, among: names)
  }

  /// The command whose help was asked for.
  private static func requested() -> any HasExample.Type {
    let names = CommandLine.arguments.dropFirst().filter { !$0.hasPrefix("-") && $0 != "help" }
    let chosen = AyatoriCommand.configuration.subcommands.first {
      $0._commandName == names.first
    }
    return chosen as? any HasExample.Type ?? AyatoriCommand.self
  }
}

/// What the command line asks for does not exist: exit code 64.
struct UsageFailure: Error {
  let diagnostics: [Diagnostic]
}

/// A check that the person asked for did not hold: exit code 2.
struct CheckFailure: Error {
  let diagnostics: [Diagnostic]
}
