"""Nets that see: pictures to vectors in which distances mean something. One file each."""
