public import GraphIR

extension Graph {
  /// What a node computes, as mathematics in terms of what somebody named.
  public func formula(of id: NodeID) -> Formula {
    FormulaReader(self, rootName: "", adjoints: [:]).definitions[id.index]
  }
}
