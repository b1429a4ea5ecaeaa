public import Drawing

extension FlowCourse {
  /// The course as plots: the loss's terms, the gradients at the distribution's parameters, what
  /// their noise leaves of them, and the divergence of each latent.
  public var picture: PlotSheet {
    let targets = records.first?.rows.dropLast().map(\.name) ?? []
    let latents = records.first?.latents.count ?? 0
    var panels = [
      PlotSheet.Panel.lines(
        "terms of \(header.loss)", unit: "\(header.loss)",
        header.terms.indices.map { term in
          PlotSheet.Series(header.terms[term], records.map { $0.terms[term].value })
        })
    ]
    for (place, name) in targets.enumerated() {
      let parts = header.terms.indices.map { term in
        PlotSheet.Series(
          "from \(header.terms[term])",
          records.map { $0.rows[place].norms[term] ?? .nan })
      }
      panels.append(.lines("gradient at \(name), by term", unit: "norm", parts))
    }
    panels.append(
      .lines(
        "signal to noise of the gradient, one draw", unit: "SNR",
        targets.enumerated().map { place, name in
          PlotSheet.Series(name, records.map { $0.rows[place].signalToNoise ?? .nan })
        }))
    panels.append(
      .lines(
        "cosine between the gradients from the first two terms", unit: "cosine",
        targets.enumerated().map { place, name in
          PlotSheet.Series(name, records.map { $0.rows[place].cosine ?? .nan })
        }))
    if latents > 0 {
      panels.append(
        .heat(
          "KL of each latent", unit: "nats",
          (0..<latents).map { latent in
            PlotSheet.Series("\(latent)", records.map { $0.latents[latent].divergence })
          }))
      panels.append(
        .lines(
          "active units of \(latents)", unit: "units",
          [PlotSheet.Series("active", records.map { Double($0.activeUnits) })]))
    }
    return PlotSheet(
      title: "\(header.graph): gradient flow at \(header.node), \(header.estimator)",
      axis: "steps", places: records.map { Double($0.step) }, panels: panels)
  }
}
