"""What a teacher does with the lessons: hand them out, read what comes back, print, and project.

The commands are those of `python -m mnist_helpers.handout`. No lesson imports this package.
"""
