# Kernels, and IPython in terminals.
c = get_config()  # noqa: F821


def chart(value):
    """Shown by JupyterLab's own Vega, where nobody has chosen another renderer: Altair's has the page fetch one from the internet."""
    import altair

    if altair.renderers.active != "default":
        return value._repr_mimebundle_()
    return {"application/vnd.vegalite.v5+json": value.to_dict(), "text/plain": repr(value)}


# By name, so that no kernel has to import Altair.
c.MimeBundleFormatter.deferred_printers = {("altair.vegalite.v6.api", "TopLevelMixin"): chart}
