/// The name of one draw of several: `z#2` is the second of `z`.
package struct DrawName {
  package let base: String
  /// From 2 on; nil when the name is not of this form.
  package let number: Int?

  package init(_ name: String) {
    guard let mark = name.lastIndex(of: "#"), mark != name.startIndex,
      let number = Int(name[name.index(after: mark)...]), number > 0,
      "#\(number)" == name[mark...]
    else {
      base = name
      self.number = nil
      return
    }
    base = String(name[..<mark])
    self.number = number
  }
}
