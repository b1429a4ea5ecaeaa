import Foundation
import GraphIR

/// Ends the process with what does not hold; libFuzzer keeps the bytes that led here.
func finding(_ what: String) -> Never {
  FileHandle.standardError.write(Data("FINDING: \(what)\n".utf8))
  abort()
}

func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
  if !holds { finding(what()) }
}

/// The value, or nil where the bytes are refused. A refusal must have something to say.
func accepted<T>(_ body: () throws(Diagnostic) -> T) -> T? {
  do throws(Diagnostic) {
    return try body()
  } catch {
    expectTold([error])
    return nil
  }
}

/// Diagnostics are short, whatever the input was.
func expectTold(_ diagnostics: [Diagnostic]) {
  expect(!diagnostics.isEmpty, "refused without a diagnostic")
  for diagnostic in diagnostics {
    let text = diagnostic.rendered()
    expect(!text.isEmpty && text.utf8.count < 100_000, "a diagnostic of \(text.utf8.count) bytes")
    let isClean = text.unicodeScalars.allSatisfy {
      $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7F
    }
    expect(isClean, "a diagnostic with control characters: \(text.debugDescription)")
  }
}
