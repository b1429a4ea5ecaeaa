/// A node under construction, as people pass it round: `let h = relu(fc1(x))`.
public struct Value {
  public let builder: GraphBuilder
  public let id: NodeID

  package init(builder: GraphBuilder, id: NodeID) {
    self.builder = builder
    self.id = id
  }

  public var type: ValueType { builder.type(of: id) }
  public var dtype: DType { type.dtype }
  public var shape: Shape { type.shape }
  public var name: String? { builder.name(of: id) }

  /// Gives the value a name and returns it. Misuse traps: the name must be free.
  @discardableResult
  public func named(_ name: String) -> Value {
    do {
      try builder.setName(name, of: self)
    } catch {
      preconditionFailure("the name '\(name)' is taken in graph '\(builder.graphName)'")
    }
    return self
  }
}
