// The façade: `import Ayatori` gives the graph, the ops and everything that works on them.
@_exported public import GraphIR
@_exported public import GraphOps
@_exported public import Autodiff
@_exported public import Passes
@_exported public import Runtime
@_exported public import Drawing
