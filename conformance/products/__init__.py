"""Cases by product: a rule, the places where it holds, the sizes at which it is looked at. A function for each rule.

What multiplies stands in modules of its own: `values` (a value whose every header can be chosen), `specimens` (leaves
of every kind), `places` (where a leaf or a header can stand), `sizes`. The other modules are rules.
"""
