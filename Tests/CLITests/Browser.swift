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
      var what: String
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

  /// How the page fits a window narrower than Chromium's own may be.
  struct Fit: Decodable {
    /// The width that the page saw.
    var width: Double
    /// By how many pixels the document was wider than that, in each state.
    var excess: [Double]
    /// What stood out on the right, other than inside what scrolls.
    var outside: [String]
    /// The smallest height of the graph, in pixels.
    var graph: Double
    /// The width of the narrowest row heading, in pixels.
    var heading: Double
  }

  /// Opens the page in a frame of that width, and uses all its views and boxes.
  static func fit(_ html: String, width: Int, in directory: String) throws -> Fit {
    var page = html
    for (sign, entity) in [("&", "&amp;"), ("\"", "&quot;")] {
      page = page.replacingOccurrences(of: sign, with: entity, options: .literal)
    }
    let wrapper = """
      <!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
      <iframe id="f" style="border:0;width:\(width)px;height:800px" srcdoc="\(page)"></iframe>
      <script>
      const frame = document.getElementById('f');
      frame.onload = () => {
        const [inner, page] = [frame.contentWindow, frame.contentDocument];
        const fit = { width: inner.innerWidth, excess: [], outside: [], graph: 1e9,
          heading: Math.min(...[...page.querySelectorAll('.card .scroll tbody th')]
            .map((part) => part.getBoundingClientRect().width)) };
        const look = () => {
          fit.excess.push(page.documentElement.scrollWidth - inner.innerWidth);
          fit.graph = Math.min(fit.graph, page.getElementById('p-graph').clientHeight);
          for (const part of page.querySelectorAll('body *')) {
            if (part.closest('svg, .scroll, .hidden, .skip')) continue;
            const { right, width } = part.getBoundingClientRect();
            if (width > 0 && right > inner.innerWidth + 0.5) {
              fit.outside.push(part.tagName + ' ' + part.id + ' ' + part.className);
            }
          }
        };
        for (const radio of page.querySelectorAll('input[name=view]')) { radio.click(); look(); }
        for (const details of page.querySelectorAll('details')) details.open = true;
        for (const box of page.querySelectorAll('.box')) {
          box.dispatchEvent(new inner.MouseEvent('click', { bubbles: true }));
          look();
        }
        const text = document.createElement('pre');
        text.id = 'selftest';
        text.textContent = JSON.stringify(fit);
        document.body.append(text);
      };
      </script>
      """
    let path = directory + "frame.html"
    try wrapper.write(toFile: path, atomically: true, encoding: .utf8)
    return try JSONDecoder().decode(
      Fit.self, from: Data(try document(URL(filePath: path).absoluteString, in: directory).0.utf8))
  }

  /// Opens the page with its self-test on.
  static func selfTest(_ page: String, in directory: String) throws -> Record {
    let (text, log) = try document(
      URL(filePath: page).absoluteString + "#selftest", in: directory)
    var record = try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    record.console = log.components(separatedBy: "\n").filter { $0.contains(":CONSOLE") }
    return record
  }

  /// What the page at an address writes into its element `selftest`, and Chromium's log.
  private static func document(
    _ address: String, in directory: String
  ) throws -> (String, log: String) {
    let profile = directory + "profile"
    defer { try? FileManager.default.removeItem(atPath: profile) }
    let result = try Tool.launch(
      path,
      [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--user-data-dir=" + profile, "--virtual-time-budget=5000",
        "--window-size=1280,1000", "--enable-logging=stderr", "--v=0", "--dump-dom",
        address,
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
    return (text, result.err)
  }
}
