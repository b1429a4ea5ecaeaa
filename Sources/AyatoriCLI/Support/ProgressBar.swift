import Foundation

/// One line on stderr that shows how far long work is: rate and time left. Silent when stderr is
/// no terminal.
struct ProgressBar {
  let label: String
  let total: Int
  /// What was done before.
  private let earlier: Int
  private let start = ContinuousClock.now
  private var lastDrawn: ContinuousClock.Instant?

  init(_ label: String, total: Int, done: Int = 0) {
    self.label = label
    self.total = total
    earlier = done
  }

  /// Draws at most ten times a second.
  mutating func update(_ done: Int, note: @autoclosure () -> String = "") {
    guard Console.isTerminal else { return }
    let now = ContinuousClock.now
    if done < total, let lastDrawn, now - lastDrawn < .milliseconds(100) { return }
    lastDrawn = now
    let elapsed =
      Double((now - start).components.seconds)
      + Double((now - start).components.attoseconds) * 1e-18
    let rate = Double(done - earlier) / max(elapsed, 1e-9)
    let left = Double(total - done) / max(rate, 1e-9)
    let width = 24
    let filled = total > 0 ? done * width / total : width
    let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    Console.write(
      "\r\u{1B}[K\(label) \(bar) \(done)/\(total)  \(Int(rate)) steps/s  "
        + "ETA \(clock(left))  \(note())"
    )
  }

  /// Clears the line.
  func finish() {
    if Console.isTerminal { Console.write("\r\u{1B}[K") }
  }

  private func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 359_999).rounded(.up))
    let (minutes, rest) = (whole / 60, whole % 60)
    return minutes >= 60
      ? String(format: "%d:%02d:%02d", minutes / 60, minutes % 60, rest)
      : String(format: "%02d:%02d", minutes, rest)
  }
}
