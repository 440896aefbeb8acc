"""Settings of Sphinx for the site; `tools.site` adds the place where the course is published."""

from tools.site.pages import TITLE

project = html_title = TITLE
language = "en"
extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinxext.opengraph",
    "tools.site.equations",
]
html_theme = "furo"
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "static/favicon.svg"
html_math_renderer = "mathml"
html_show_copyright = html_show_sphinx = html_copy_source = html_show_sourcelink = False
html_use_index = False
highlight_language = "none"
myst_enable_extensions = ["attrs_inline", "dollarmath"]
nb_execution_mode = "off"
nb_output_stderr = "remove"  # warnings name folders of the computer that ran the lesson
nb_merge_streams = True
nb_ipywidgets_js = {}  # else it comes from another site
ogp_use_first_image = True
ogp_enable_meta_description = True
