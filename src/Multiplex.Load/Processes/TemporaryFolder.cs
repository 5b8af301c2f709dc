namespace Multiplex.Load.Processes;

/// <summary>New directories in the directory for temporary files: TMPDIR, or else /tmp.</summary>
public static class TemporaryFolder
{
    /// <summary>Makes one, named multiplex- and some letters.</summary>
    /// <exception cref="IOException">It cannot be made; the message names the directory for temporary files, and has the reason.</exception>
    public static DirectoryInfo Create()
    {
        try
        {
            return Directory.CreateTempSubdirectory("multiplex-");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string place = Path.GetTempPath();
            throw new IOException($"no temporary directory can be made in {place} (TMPDIR): {(Directory.Exists(place) ? e.Message : "there is no such directory")}", e);
        }
    }
}
