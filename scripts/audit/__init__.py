"""Audit tools for `contracts/`: they read the compiler's syntax trees and change copies. Nothing here touches the
sources themselves."""
