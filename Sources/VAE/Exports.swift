@_exported public import Ayatori
