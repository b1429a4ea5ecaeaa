import Foundation
import GraphIR

/// How formulas write the names of a graph, decided once for the whole graph: all formulas of a
/// report agree, and no two things look alike.
///
/// A symbol goes by a letter where nothing else claims it. Names that look alike otherwise, as
/// `sigma` and `σ` in LaTeX, or `µ` (micro) and `μ` anywhere, are written as plainly as it takes.
/// The names of dimensions, which are plain words, stay as they are. Letters of different scripts
/// that fonts draw alike are told apart no better than the person's text does.
struct FormulaNames {
  /// By node: nodes of one name are one thing.
  private let letters: [String: GreekLetter]
  private var spellings: [String: Spelling] = [:]
  /// What looks are taken.
  private let texts: Set<String>
  private let latex: Set<String>

  /// What has a name.
  private enum Thing: Hashable {
    case dimension(String)
    case name(String)
  }

  /// The names after lowering, which is where σ comes from. A graph that cannot be lowered has
  /// none but its own, and no formulas of derivatives either.
  init(of graph: Graph) {
    let draws = graph.nodes.contains { $0.definition?.sampling != nil }
    self.init(lowered: draws ? (try? Compiler().lower(graph)) ?? graph : graph)
  }

  /// The names of a graph without sampling nodes.
  init(lowered graph: Graph) {
    letters = FormulaNames.letters(of: graph)
    let dimensions = graph.dimensions.map(\.name)
    let names = Set(graph.nodes.compactMap(\.name))
    let things = dimensions.map(Thing.dimension) + names.sorted().map(Thing.name)
    let (text, latex) = (TextStyle(), LaTeXStyle())
    let inText = FormulaNames.told(apart: things) { thing, form in
      switch thing {
      case .dimension(let name): FormulaNames.look(name)
      case .name(let name): FormulaNames.look(text.name(name, form))
      }
    }
    let inLaTeX = FormulaNames.told(apart: things) { thing, form in
      switch thing {
      case .dimension(let name): FormulaNames.look(latex: latex.extent(name))
      case .name(let name): FormulaNames.look(latex: latex.name(name, form))
      }
    }
    texts = inText.looks.union(letters.values.map { FormulaNames.look($0.text) })
    self.latex = inLaTeX.looks.union(letters.values.map { FormulaNames.look(latex: $0.latex) })
    for name in names {
      spellings[name] = Spelling(
        text: inText.forms[.name(name)] ?? .short, latex: inLaTeX.forms[.name(name)] ?? .short)
    }
  }

  // MARK: Looks

  /// What can be seen of a text: compatible characters are one.
  private static func look(_ text: String) -> String {
    text.precomposedStringWithCompatibilityMapping
  }

  /// What can be seen of LaTeX: its grouping is not.
  private static func look(latex: String) -> String {
    var seen = ""
    var isEscaped = false
    for character in latex.replacing("\\mathit", with: "").replacing("\\mbox", with: "") {
      if isEscaped || character != "{" && character != "}" { seen.append(character) }
      isEscaped = character == "\\" && !isEscaped
    }
    return look(seen)
  }

  /// The shortest forms in which no two things look alike, and their looks. Things that clash all
  /// take their next form, but for dimensions.
  private static func told(
    apart things: [Thing], _ look: (Thing, Spelling.Form) -> String
  ) -> (forms: [Thing: Spelling.Form], looks: Set<String>) {
    var forms: [Thing: Spelling.Form] = [:]
    while true {
      var groups: [String: [Thing]] = [:]
      for thing in things {
        groups[look(thing, forms[thing] ?? .short), default: []].append(thing)
      }
      var moved = false
      for group in groups.values where group.count > 1 {
        for case .name(let name) in group {
          guard let next = (forms[.name(name)] ?? .short).next else { continue }
          forms[.name(name)] = next
          moved = true
        }
      }
      if !moved { return (forms, Set(groups.keys)) }
    }
  }

  // MARK: Letters

  /// Which nodes go by a Greek letter: named numbers, and the parts of one node, whose last word
  /// spells it, where nothing else claims the letter.
  private static func letters(of graph: Graph) -> [String: GreekLetter] {
    var claims: [Claim: [String]] = [:]
    var entitled: Set<String> = []
    var owners: Set<String> = []
    var parts: Set<String> = []
    for dimension in graph.dimensions {
      guard let claim = Claim(DrawName(dimension.name)) else { continue }
      claims[claim, default: []].append(dimension.name)
    }
    for node in graph.nodes {
      guard let name = node.name else { continue }
      let owner = graph.owner(ofPart: name)
      let word = DrawName(owner.map { String(name.dropFirst($0.count + 1)) } ?? name)
      guard let claim = Claim(word) else { continue }
      claims[claim, default: []].append(name)
      if let owner {
        owners.insert(DrawName(owner).base)
        parts.insert(name)
      } else if node.isConstant {
        entitled.insert(name)
      }
    }
    // Of two draws neither has the σ or the ε.
    if owners.count == 1 { entitled.formUnion(parts) }
    var result: [String: GreekLetter] = [:]
    for (claim, names) in claims where names.count == 1 && entitled.contains(names[0]) {
      result[names[0]] = claim.letter
    }
    return result
  }

  /// A letter, and of which draw.
  private struct Claim: Hashable {
    var letter: GreekLetter
    var number: Int?

    init?(_ word: DrawName) {
      guard let letter = GreekLetter(named: word.base) ?? GreekLetter(text: word.base) else {
        return nil
      }
      self.letter = letter
      number = word.number
    }
  }

  // MARK: Symbols

  /// How the name of a node is written.
  func spelling(of name: String) -> Spelling { spellings[name] ?? Spelling() }

  func text(of name: String) -> String { TextStyle().name(name, spelling(of: name).text) }

  func latex(of name: String) -> String { LaTeXStyle().name(name, spelling(of: name).latex) }

  /// Between words, where no quotes are needed as long as everything can be seen.
  func prose(_ name: String) -> String {
    spelling(of: name).text == .exact ? Spelling.exact(name) : Identifier.visible(name)
  }

  /// The letter that stands for the node.
  func letter(of name: String) -> GreekLetter? { letters[name] }

  /// Whether something is called so.
  func isTaken(_ name: String) -> Bool { texts.contains(FormulaNames.look(name)) }

  /// The symbol as all formulas of the graph write it.
  func named(_ symbol: FormulaSymbol) -> FormulaSymbol {
    var own = symbol
    if let root = symbol.root { own.rootSpelling = spelling(of: root) }
    switch symbol.kind {
    case .size: break
    case .derivative: own.spelling = spelling(of: symbol.name)
    // Shares have names that are made up, and another node may bear one of them.
    case .share where !symbol.isNodesName: own.spelling = free(for: symbol)
    case .constant, .value, .share, .kept, .noise, .part:
      own.letter = letters[symbol.name]
      own.spelling = spellings[symbol.name] ?? free(for: symbol)
    }
    return own
  }

  /// The shortest form, of a symbol that is not called by a node, that looks like nothing else.
  private func free(for symbol: FormulaSymbol) -> Spelling {
    var own = symbol
    own.spelling = Spelling()
    // `bce_N#2` is none of `bce_N`'s draws.
    var base = symbol
    base.name = DrawName(symbol.name).base
    let hasIndex = symbol.index != nil
    while let next = own.spelling.text.next,
      texts.contains(FormulaNames.look(own.text))
        || hasIndex && texts.contains(FormulaNames.look(base.text))
    {
      own.spelling.text = next
      base.spelling.text = next
    }
    while let next = own.spelling.latex.next,
      latex.contains(FormulaNames.look(latex: own.latex))
        || hasIndex && latex.contains(FormulaNames.look(latex: base.latex))
    {
      own.spelling.latex = next
      base.spelling.latex = next
    }
    return own.spelling
  }

  func named(_ formula: Formula) -> Formula {
    var names: [FormulaSymbol: FormulaSymbol] = [:]
    for symbol in formula.symbols {
      let own = named(symbol)
      if own != symbol { names[symbol] = own }
    }
    return names.isEmpty ? formula : formula.renaming(names)
  }

  func named(_ meaning: GradientFormulas.Meaning) -> GradientFormulas.Meaning {
    var own = meaning
    own.symbol = named(meaning.symbol)
    own.formula = meaning.formula.map(named)
    own.node = own.symbol.letter == nil ? meaning.node : own.symbol.name
    return own
  }

  func named(_ derivative: GradientFormulas.Derivative) -> GradientFormulas.Derivative {
    var own = derivative
    own.symbol = named(derivative.symbol)
    own.formula = named(derivative.formula)
    own.ways = derivative.ways.map { way in
      var own = way
      own.formula = named(way.formula)
      return own
    }
    return own
  }
}
