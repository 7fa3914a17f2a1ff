"""The gate: is a challenger good enough to take the champion's place?"""
