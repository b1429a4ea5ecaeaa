@testable import Drawing
import Foundation
import GraphIR
import Testing

@Suite struct GradientPageTests {
  // MARK: SHA-256

  /// FIPS 180-4's examples, as NIST's CAVP gives them.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func digestsAreKnown(text: String, expected: String) {
    let digest = SHA256.digest(Array(text.utf8))
    #expect(digest.map { String(format: "%02x", $0) }.joined() == expected)
    #expect(SHA256.source(of: text) == "sha256-" + Data(digest).base64EncodedString())
  }

  /// Every length round the ends of the blocks gives what `sha256sum` gives.
  @Test func lengthsRoundABlock() throws {
    for count in [1, 2, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128] {
      let text = String(repeating: "é", count: count / 2) + (count % 2 == 1 ? "x" : "")
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/sha256sum")
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      try process.run()
      try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
      try input.fileHandleForWriting.close()
      let told = String(
        decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
      process.waitUntilExit()
      let digest = SHA256.digest(Array(text.utf8)).map { String(format: "%02x", $0) }.joined()
      #expect(told.hasPrefix(digest + " "), "\(count) bytes")
    }
  }

  // MARK: The picture

  @Test(arguments: [
    ("<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY a \"b\">]><svg width=\"1\"/>\n", nil),
    ("<svg width=\"1\"><g/></svg>", "<svg width=\"1\"><g/></svg>"),
    ("x<svg><!-- <script> --><g></g></svg>tail", "<svg><g></g></svg>"),
    ("<svg><title>t</title><text>a &amp; b</text></svg>", "<svg><text>a &amp; b</text></svg>"),
    ("<svg><script>alert(1)</script><g/></svg>", "<svg><g/></svg>"),
    ("<svg><foreignObject><g><a></a></g></foreignObject></svg>", "<svg></svg>"),
    (
      "<svg onload=\"x()\" style=\"a\"><a xlink:href=\"javascript:1\"><g id=\"b\"/></a></svg>",
      "<svg><g><g id=\"b\"/></g></svg>"
    ),
    (
      "<svg><text fill='a\"b'>&notit; & &#x41; &#65; &#xzz;</text></svg>",
      "<svg><text fill=\"a&quot;b\">&amp;notit; &amp; &#x41; &#65; &amp;#xzz;</text></svg>"
    ),
    ("<svg><text>a > b</text></svg>", "<svg><text>a &gt; b</text></svg>"),
    ("<svg id=\"a\u{301}\"\u{301} onload=\"x\"></svg>", nil), ("<svg><g></svg></g>", nil),
    ("<svg><g>", nil), ("<svg", nil), ("", nil), ("<svg a=b></svg>", nil),
    ("<svg><!-- </svg>", nil), ("</svg>", nil),
  ])
  func onlyShapesAndWordsPass(_ svg: String, _ expected: String?) {
    // An empty outermost element holds no picture.
    #expect(SVGCleaner.clean(svg) == expected, "\(svg)")
  }

  // MARK: The page

  private static func page(_ payload: String = "{}", title: String = "t") throws -> String {
    try GradientPage(title: title, svg: "<svg><g/></svg>", payload: payload).html()
  }

  /// What stands between two texts, each time.
  private static func between(_ start: String, _ end: String, in text: String) -> [String] {
    text.components(separatedBy: start).dropFirst().compactMap {
      $0.components(separatedBy: end).first
    }
  }

  /// The policy names the blocks that are there, by digests that are not this target's own.
  @Test func thePolicyNamesTheBlocks() throws {
    let html = try Self.page()
    let policy = try #require(Self.between("Policy\" content=\"", "\"", in: html).first)
    #expect(policy.hasPrefix("default-src 'none'; "))
    #expect(!policy.contains("unsafe") && !policy.contains("http"))
    let blocks =
      Self.between("<style>", "</style>", in: html)
      + Self.between("<script>", "</script>", in: html)
    #expect(blocks.count == 2)
    for block in blocks {
      let source = SHA256.source(of: block)
      #expect(policy.contains("'\(source)'"))
    }
    let attributes = html.matches(of: /<[^>]*\s(?:style|on\w+|href|src)=/)
      .map { String($0.output) }.filter { !$0.contains("skip") }
    #expect(attributes == [])
    let addresses = html.matches(of: /https?:[^'"\s]*/).map { String($0.output) }
    #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
  }

  @Test(arguments: ["</script>", "<!--<script>", "\u{2028}\u{2029}", "]]>&amp;", "日本語 😀"])
  func noNameEndsTheData(_ name: String) throws {
    let json = String(decoding: try JSONEncoder().encode(["name": name]), as: UTF8.self)
    let html = try Self.page(json, title: name)
    let data = try #require(
      Self.between("id=\"p-data\">", "</script>", in: html).first)
    #expect(!data.contains("<") && !data.contains(">") && !data.contains("&"))
    #expect(!data.unicodeScalars.contains { $0.value == 0x2028 || $0.value == 0x2029 })
    let read = try JSONDecoder().decode([String: String].self, from: Data(data.utf8))
    #expect(read == ["name": name])
    #expect(html.components(separatedBy: "<script").count == 3)
    #expect(try Self.page(json, title: name) == html)
  }

  @Test(arguments: ["", "no picture", "<svg><g></svg>"])
  func refusesWhatIsNoPicture(_ svg: String) {
    let error = #expect(throws: Diagnostic.self) {
      try GradientPage(title: "t", svg: svg, payload: "{}").html()
    }
    #expect(error?.id == "bad-svg")
  }

  // MARK: The drawing

  /// Every box and line is there under its id, once; without a page nothing has an id.
  @Test(
    .enabled(if: GraphvizRun.path != nil, "Graphviz is not installed"), arguments: [true, false])
  func theDrawingBearsIDs(isForPage: Bool) throws {
    let (graph, constants) = TestGraphs.chainerVAE()
    let drawn = try draw(
      graph, style: .ayatori, annotations: DrawingAnnotations(constants: constants),
      options: DrawingOptions(isForPage: isForPage))
    let run = try GraphvizRun.svg(of: drawn.text)
    #expect(run.complaints == "" && run.status == 0)
    #expect(drawn.boxes.isEmpty != isForPage && drawn.lines.isEmpty != isForPage)
    #expect(drawn.text.contains("legend") != isForPage)
    for id in drawn.boxes.map(\.id) + drawn.lines.map(\.id) {
      #expect(run.svg.components(separatedBy: "id=\"\(id)\"").count == 2, "\(id)")
    }
    guard isForPage else { return }
    // Each node stands in one box, but for constants that are part of a formula.
    let nodes = drawn.boxes.flatMap(\.nodes)
    #expect(Set(nodes).count == nodes.count)
    let missing = graph.nodes.filter { !nodes.contains($0.id) }
    #expect(missing.allSatisfy { $0.name == nil && $0.type.shape.rank == 0 })
    // Each edge between boxes is on one line.
    let pairs = drawn.lines.flatMap(\.edges)
    #expect(Set(pairs).count == pairs.count)
    for node in graph.nodes where nodes.contains(node.id) {
      for operand in node.operands where nodes.contains(operand) {
        let edge = GraphDiff.Edge(tail: operand, head: node.id)
        #expect(pairs.contains(edge), "\(graph[operand].label) → \(node.label)")
      }
    }
  }

  @Test func chainersStyleHasNoPage() {
    let (graph, _) = TestGraphs.chainerVAE()
    let error = #expect(throws: Diagnostic.self) {
      try draw(graph, style: .chainer, options: DrawingOptions(isForPage: true))
    }
    #expect(error?.id == "chainer-whole")
  }
}
