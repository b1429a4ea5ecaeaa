public import GraphIR

extension Graph {
  /// What a node computes, as mathematics in terms of what somebody named.
  public func formula(of id: NodeID) -> Formula { formulas[id.index] }

  /// What every node computes, by its index. Barriers to derivatives are written: these formulas
  /// say how the graph computes.
  public var formulas: [Formula] {
    let names = FormulaNames(of: self)
    let reader = FormulaReader(self, rootName: "", adjoints: [:], keepsBarriers: true)
    return reader.definitions.map(names.named)
  }
}
