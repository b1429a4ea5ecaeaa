import GraphIR

extension AyatoriDrawing {
  /// A cluster, or the top of a part.
  private struct Cluster {
    var frames: [Frame]
    var boxes: [Int] = []
    /// In the order of their first boxes.
    var children: [Int] = []
    var first: Int
  }

  /// Writes every box inside the clusters of its part, scopes and group. No recursion: scopes may
  /// be nested as deeply as anyone likes.
  func writeClusters(_ stubs: [Stub], _ writer: inout DOTWriter, _ looks: inout Legend) {
    let stubsOf = Dictionary(grouping: stubs, by: \.box)
    for part in Part.allCases {
      let members = boxes.indices.filter { boxes[$0].place.part == part }
      if members.isEmpty { continue }
      let hasCluster = hasParts && part != .mixed
      if hasCluster {
        writer.open("subgraph", "cluster \(part)")
        writer.set(partAttributes(part))
      }
      let clusters = clusters(of: members)
      // A cluster is left when its number comes up the second time.
      var stack: [(cluster: Int, isOpen: Bool)] = [(0, false)]
      while let (index, isOpen) = stack.popLast() {
        if isOpen {
          writer.close()
          continue
        }
        let cluster = clusters[index]
        if let frame = cluster.frames.last {
          open(cluster, frame, part, &writer)
          stack.append((index, true))
        }
        for box in cluster.boxes {
          write(box, &writer, &looks)
          for stub in stubsOf[box] ?? [] { writeNode(of: stub, &writer) }
        }
        for child in cluster.children.reversed() { stack.append((child, false)) }
      }
      if hasCluster { writer.close() }
    }
  }

  /// The clusters of a part, the part itself first.
  private func clusters(of members: [Int]) -> [Cluster] {
    /// A cluster by its parent and frame.
    struct Key: Hashable {
      var parent: Int
      var frame: Frame
    }
    var clusters = [Cluster(frames: [], first: members.first ?? 0)]
    var known: [Key: Int] = [:]
    for box in members {
      var parent = 0
      for frame in boxes[box].place.frames {
        let key = Key(parent: parent, frame: frame)
        if let index = known[key] {
          parent = index
          continue
        }
        known[key] = clusters.count
        clusters[parent].children.append(clusters.count)
        clusters.append(Cluster(frames: clusters[parent].frames + [frame], first: box))
        parent = clusters.count - 1
      }
      clusters[parent].boxes.append(box)
    }
    return clusters
  }

  private func open(
    _ cluster: Cluster, _ frame: Frame, _ part: Part, _ writer: inout DOTWriter
  ) {
    let depth = cluster.frames.count
    // The first member's id tells clusters apart whatever their scopes are called.
    let first = boxes[cluster.first].members.first.map { DOT.id(of: graph[$0]) } ?? ""
    writer.open("subgraph", "cluster \(part) \(depth) \(first)")
    switch frame {
    case .scope(let name):
      let path = cluster.frames.compactMap { frame -> String? in
        if case .scope(let name) = frame { name } else { nil }
      }
      writer.set([
        ("label", .html("<I>\(DOT.html(DOT.short(name, limit: 30)))</I>")),
        ("tooltip", .text(DOT.short(path.joined(separator: " / "), limit: 200))),
        ("fontsize", .text("13")), ("fontcolor", .text(Hue.muted)), ("color", .text("#9A9A9A")),
        ("style", .text("rounded")), ("penwidth", .text("1")), ("margin", .text("10")),
        ("labeljust", .text("l")), ("bgcolor", .text(depth % 2 == 1 ? "#FAFAFA" : "#F3F3F3")),
      ])
    case .group(let number):
      let title = title(ofGroup: number)
      writer.set([
        ("label", .html("<B>\(DOT.html(title))</B>")), ("tooltip", .text(tooltip(ofGroup: number))),
        ("fontsize", .text("12")), ("fontcolor", .text(Hue.ink)), ("color", .text(Hue.ink)),
        ("style", .text("solid")), ("penwidth", .text("1.8")), ("margin", .text("10")),
        ("labeljust", .text("l")), ("bgcolor", .text(Hue.blue.wash)),
      ])
    }
  }

  /// `fused #3 (6 ops, 1.5 MiB → 0.4 MiB of traffic)`.
  private func title(ofGroup number: Int) -> String {
    let members = groups[number]?.members ?? []
    // Members may be cut off, or in a scope that is collapsed.
    let drawn = members.count {
      folded[$0.index] != nil || box(of: $0)?.place.frames.contains(.group(number)) == true
    }
    let isPart = drawn < members.count
    var text = isPart ? "\(drawn) of \(members.count) ops" : "\(members.count) ops"
    if members.count == 1 { text = "1 op" }
    if let traffic = traffic[number] { text += ", \(traffic.description) of traffic" }
    return "fused #\(number) (\(text))"
  }

  private func tooltip(ofGroup number: Int) -> String {
    let members = groups[number]?.members ?? []
    let names = members.prefix(20).map { DOT.short(graph[$0].mention) }.joined(separator: ", ")
    return "one step that computes " + names + (members.count > 20 ? ", …" : "")
  }

  // MARK: Boxes

  private func write(_ index: Int, _ writer: inout DOTWriter, _ looks: inout Legend) {
    let box = boxes[index]
    let element: DOTWriter.Attributes =
      options.isForPage ? [("id", .text(AyatoriDrawing.elementID(box: index)))] : []
    switch box.kind {
    case .layer:
      writer.node(
        box.id,
        [
          ("shape", .text("plain")), ("label", .html(groupLabel(box))),
          ("tooltip", .text(box.members.map { tooltip(graph[$0]) }.joined(separator: "\n"))),
        ] + element)
      looks.addLayer(isOutput: box.members.contains { isOutput[$0.index] })
    case .scope(let path):
      writer.node(
        box.id,
        [
          ("label", .html(scopeLabel(box, path))), ("shape", .text("box3d")),
          ("style", .text("filled")), ("color", .text(Hue.grey.line)),
          ("fillcolor", .text(Hue.grey.fill)), ("tooltip", .text(scopeTooltip(box, path))),
        ] + (box.members.contains { isOutput[$0.index] } ? [("penwidth", .text("2.8"))] : [])
          + element)
      looks.addScope(isOutput: box.members.contains { isOutput[$0.index] })
      looks.add(marks: box.members.compactMap { annotations.marks[$0]?.kind })
    case .node:
      guard let id = box.members.first else { return }
      let node = graph[id]
      let look = NodeLook(node)
      let mark = annotations.marks[id]?.kind
      var attributes: DOTWriter.Attributes =
        [("label", .html(label(node)))] + look.attributes + [("tooltip", .text(tooltip(node)))]
      if isOutput[id.index] { attributes.append(("penwidth", .text("2.8"))) }
      if let mark { attributes = mark.applied(to: attributes) }
      writer.node(box.id, attributes + element)
      looks.add(node: look, isOutput: isOutput[id.index])
      if let mark { looks.add(marks: [mark]) }
    }
  }
}
