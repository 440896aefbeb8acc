"""Programs for the maintainers of the course, and what they measured. Each is run by its name:

python -m tools.regenerate     stores the outputs of lessons anew
python -m tools.calibrate      measures the bands of the results
python -m tools.slides         chooses what cells show when a lesson is projected
python -m tools.mutants        breaks helpers on purpose, to see which lessons notice
python -m tools.benchmarks     measures what a learner waits for
python -m tools.pretrain       trains the network that comes with the package
python -m tools.site           makes a site of the course
"""
