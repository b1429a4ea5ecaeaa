import Foundation
import Testing

/// Debian's Chromium without a window.
enum Browser {
  static let path = "/usr/bin/chromium"
  static let isHere = FileManager.default.isExecutableFile(atPath: path)

  /// What the page wrote down of itself.
  struct Record: Decodable {
    struct Shot: Decodable {
      var did: String?
      var focus: String?
      var view: String
      var arrows: [String]
      var widths: [Double]
      var styles: [String]
      var blocked: [String]
      var reasons: [String]
      var detours: [String]
      var hulls: Int
      var amounts: [String]
      var key: String
      var panel: String
      var live: String
      var theme: String
      var camera: String
    }

    struct Panel: Decodable {
      var id: String
      var text: String
      var label: String
      var pressed: String
    }

    var views: [Shot]
    var steps: [Shot]
    var panels: [Panel]
    var moments: [String]
    /// Pairs of a JSON pointer and a text.
    var numbers: [[String]]
    var errors: [String]
    /// By how many pixels the document is wider than the window.
    var width: Double
    var pwned: [String]
    /// What Chromium's console had to say.
    var console: [String] = []

    private enum CodingKeys: String, CodingKey {
      case views, steps, panels, moments, numbers, errors, width, pwned
    }
  }

  /// Opens the page with its self-test on.
  static func selfTest(_ page: String, in directory: String) throws -> Record {
    let profile = directory + "profile"
    defer { try? FileManager.default.removeItem(atPath: profile) }
    let result = try Tool.launch(
      path,
      [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--user-data-dir=" + profile, "--virtual-time-budget=5000",
        "--window-size=1280,1000", "--enable-logging=stderr", "--v=0", "--dump-dom",
        URL(filePath: page).absoluteString + "#selftest",
      ], in: directory)
    let start = try #require(
      result.out.range(of: "<pre id=\"selftest\">"), "the page wrote nothing: \(result.err)")
    let rest = result.out[start.upperBound...]
    let end = try #require(rest.range(of: "</pre>"))
    // As the HTML serialization algorithm escapes text; an accent may follow any sign.
    var text = String(rest[..<end.lowerBound])
    for (entity, sign) in [
      ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u{A0}"), ("&amp;", "&"),
    ] {
      text = text.replacingOccurrences(of: entity, with: sign, options: .literal)
    }
    var record = try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    record.console = result.err.components(separatedBy: "\n").filter { $0.contains(":CONSOLE") }
    return record
  }
}
