import Foundation
import Testing

@Suite struct HelpTests {
  static let commands = [
    "check", "print", "dot", "diff", "explain", "grad", "run", "train", "gradflow", "gradcheck",
    "opt", "plan", "profile", "bench", "ops",
  ]

  /// The example at the end of a command's help.
  private static func example(_ arguments: [String]) throws -> String {
    let result = try Tool.run(arguments)
    expectFine(result)
    #expect(result.err.isEmpty)
    let lines = result.out.split(separator: "\n").map(String.init)
    let place = try #require(lines.firstIndex(of: "EXAMPLE:"))
    #expect(place == lines.count - 2, "the example is not the end")
    return lines[lines.count - 1].trimmingCharacters(in: .whitespaces)
  }

  @Test func overviewNamesEveryCommand() throws {
    let result = try Tool.run(["--help"])
    for command in Self.commands { #expect(result.out.contains("\n  \(command) ")) }
    #expect(try Tool.run([]).out == result.out)
    let version = try Tool.run(["--version"])
    expectFine(version)
    #expect(version.out.split(separator: ".").count == 3)
  }

  @Test(arguments: commands)
  func helpIsTheSameEitherWay(command: String) throws {
    let example = try Self.example([command, "--help"])
    #expect(example.hasPrefix("ayatori \(command)"))
    #expect(try Self.example(["help", command]) == example)
    #expect(try Self.example([command, "-h"]) == example)
  }

  /// Every example is run as it is printed, from a directory with `Graphs`.
  @Test(arguments: [[]] + commands.map { [$0] })
  func examplesWork(command: [String]) throws {
    let words = try Self.example(command + ["--help"]).split(separator: " ").map(String.init)
    #expect(words.first == "ayatori")
    if words.contains("-o"), !Tool.hasGraphviz { return }
    try Tool.withDirectory { directory in
      // A few steps say as much about the example as many.
      let fewer = command == ["bench"] ? ["--rounds", "1", "--steps", "1"] : []
      let result = try Tool.run(Array(words.dropFirst()) + fewer, in: directory)
      expectFine(result)
      if let flag = words.firstIndex(of: "-o") {
        #expect(try Tool.files(in: directory) == [words[flag + 1]])
      } else {
        #expect(!result.out.isEmpty)
      }
    }
  }

  @Test(arguments: [
    ["nope"], ["check"], ["print"], ["run"], ["--nope"], ["print", "a", "b"], ["ops", "--nope"],
    ["train", "g.aya", "--epochs", "-1"], ["train", "g.aya", "--batch-size", "0"],
    ["train", "g.aya", "--learning-rate", "0"], ["train", "g.aya", "--learning-rate", "nan"],
    ["train", "g.aya", "--optimizer", "rmsprop"], ["train", "g.aya", "--momentum", "0.9"],
    ["train", "g.aya", "--optimizer", "sgd", "--momentum", "1"],
    ["train", "g.aya", "--eval-samples", "-1"], ["train", "g.aya", "--threads", "0"],
    ["train", "g.aya", "--loss-reduction", "max"], ["train", "g.aya", "--seed", "-1"],
    ["run", "g.aya", "--grad", "loss"], ["run", "g.aya", "--wrt", "x"],
    ["run", "g.aya", "--outputs", ""], ["run", "g.aya", "--grad", "l", "--wrt", " , "],
    ["run", "g.aya", "-o", "out.txt"], ["run", "g.aya", "--dtype", "i32"],
    ["run", "g.aya", "--dtype", "f16"], ["run", "g.aya", "--step", "18446744073709551616"],
    ["print", "g.aya", "--stage", "final"], ["dot", "g.aya", "--style", "plain"],
    ["print", "g.aya", "--dim", "N=-1"], ["print", "g.aya", "--dim", "N"],
    ["print", "g.aya", "--dim", "=1"], ["print", "g.aya", "--dim", "N=1.5"],
    ["print", "g.aya", "--dim", "N=9223372036854775808"], ["print", "g.aya", "--const", "b=abc"],
    ["gradflow", "g.aya", "--batch-size", "0"], ["bench", "g.aya", "--rounds", "0"],
    ["bench", "g.aya", "--threads", "0"], ["bench", "g.aya", "--threads", "1025"],
    ["train", "g.aya", "--threads", "1025"], ["profile", "g.aya", "--threads", "1025"],
    ["train", "g.aya", "--threads", "9223372036854775807"],
  ])
  func usageMistakesExitWith64(arguments: [String]) throws {
    let result = try Tool.run(arguments)
    expectRefusal(result, 64)
    #expect(result.err.contains("Usage: ayatori"))
  }
}
