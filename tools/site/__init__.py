"""The course as a site of static pages, made from the stored notebooks; see docs/site.md."""
