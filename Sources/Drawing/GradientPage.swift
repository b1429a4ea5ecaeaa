public import GraphIR

/// One HTML page on a gradient flow: the drawn graph, the gradient over it, and all numbers.
///
/// The page holds everything it needs and asks the network for nothing. Its policy lets only its
/// own script and style act, each named by its SHA-256, so that no name in a graph can become one;
/// names reach the document as text alone.
public struct GradientPage: Sendable {
  public let title: String
  /// The graph as Graphviz laid it out from a drawing with `DrawingOptions.isForPage`.
  public let svg: String
  /// What is shown, as JSON: `report` as `ayatori gradflow --json` has it; `roots`, `nodes` and
  /// `edges` of a flow field; `boxes` and `lines` of the drawing; perhaps `course`.
  public let payload: String

  public init(title: String, svg: String, payload: String) {
    self.title = title
    self.svg = svg
    self.payload = payload
  }

  /// The whole page, the same bytes for the same contents. Throws a diagnostic for a text that is
  /// no SVG.
  public func html() throws(Diagnostic) -> String {
    guard let picture = SVGCleaner.clean(svg) else {
      throw Diagnostic(
        "bad-svg", "the drawing of '\(title)' cannot be put into a page", place: "dot",
        expected: "an SVG document", got: DOT.short(svg, limit: 60))
    }
    let policy =
      "default-src 'none'; style-src '\(SHA256.source(of: GradientPage.style))'; "
      + "script-src '\(SHA256.source(of: GradientPage.script))'; "
      + "base-uri 'none'; form-action 'none'"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="generator" content="ayatori">
      <title>\(GradientPage.escaped(title))</title>
      <style>\(GradientPage.style)</style>
      </head>
      <body>
      \(GradientPage.body(picture))
      <script type="application/json" id="p-data">\(GradientPage.embedded(payload))</script>
      <script>\(GradientPage.script)</script>
      </body>
      </html>

      """
  }

  /// What stands in the page before the script fills it.
  private static func body(_ picture: String) -> String {
    """
    <a class="skip" href="#p-panel">Skip the graph</a>
    <header>
    <div class="top">
    <div><p class="kicker">gradient flow</p><h1 id="p-title"></h1></div>
    <button type="button" id="p-theme" class="quiet">Dark</button>
    </div>
    <p id="p-facts" class="facts"></p>
    <p id="p-equation" class="equation"></p>
    </header>
    <main>
    <fieldset id="p-views" class="views"><legend>Show</legend></fieldset>
    <p id="p-what" class="note"></p>
    <div class="stage">
    <section class="board" aria-label="Graph">
    <div class="tools" role="group" aria-label="Zoom">
    <button type="button" id="p-in" aria-label="Zoom in">+</button>
    <button type="button" id="p-out" aria-label="Zoom out">−</button>
    <button type="button" id="p-fit">Fit</button>
    <button type="button" id="p-site">Draw</button>
    </div>
    <div id="p-graph">\(picture)</div>
    <div id="p-key" class="key"></div>
    </section>
    <aside id="p-panel" tabindex="-1" aria-label="Node"></aside>
    </div>
    <p id="p-live" class="hidden" aria-live="polite"></p>
    <div id="p-sections"></div>
    </main>
    <noscript><p>This page draws itself with a script of its own; scripts are off.</p></noscript>
    """
  }

  /// JSON that no HTML parser takes for the end of a script: the signs occur in strings only, where
  /// JSON has escapes for them.
  static func embedded(_ json: String) -> String {
    var result = ""
    for scalar in json.unicodeScalars {
      switch scalar {
      case "<", ">", "&", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in DOT.short(text, limit: 200).unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\0": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// All of the script, in the order in which it runs.
  static let script =
    "'use strict';(() => {\n" + support + model + graph + panel + sections + latents + course
    + start + "})();"
}
