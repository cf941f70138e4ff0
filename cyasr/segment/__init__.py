"""Long recordings into utterances: by CTC alignment where there is a transcript, by voice activity where there is none.

stream    audio of any length and format as 16 kHz blocks
vad       Silero's speech probabilities, and stretches of speech
log_probs CTC posteriors of audio of any length, window by window
transcript  a transcript as sentences and words, with the original spelling of each
graph     the states that a path through a transcript may take
align     the best such path, frame by frame, in memory that does not grow with the audio
cutting   where to cut: at pauses, at sentence ends, none longer than allowed
segmenter all of it for a recording and its supervisions
"""
