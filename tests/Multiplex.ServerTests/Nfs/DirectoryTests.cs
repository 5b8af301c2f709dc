using System.Text;
using Multiplex.Nfs.Protocol;
using Multiplex.Rpc.Xdr;
using NUnit.Framework;

namespace Multiplex.ServerTests.Nfs;

/// <summary>READDIR and READDIRPLUS.</summary>
public sealed class DirectoryTests : OneExport
{
    private const int Many = 1000;

    [Test]
    public void Every_entry_is_listed_once_in_replies_no_longer_than_asked([Values(512u, 1024u, 8192u, 1u << 20)] uint count)
    {
        MakeMany();
        List<string> names = [];
        bool eof = false;
        for (ulong cookie = 0; !eof;)
        {
            READDIR3resok reply = Peer.Readdir(Peer.Root(), cookie, count).Resok!;
            Assert.That(LengthOf(reply.Write), Is.LessThanOrEqualTo(count));
            eof = reply.Reply.Eof;
            foreach (Entry3 entry in reply.Reply.Entries!)
            {
                names.Add(Encoding.UTF8.GetString(entry.Name));
                cookie = entry.Cookie;
            }
        }

        Assert.That(names, Is.EquivalentTo((string[])[".", "..", .. Enumerable.Range(0, Many).Select(i => $"file{i}")]));
    }

    [Test]
    public void With_attributes_each_entry_has_those_of_its_file_and_its_handle([Values(600u, 4096u, 1u << 20)] uint maxcount)
    {
        MakeMany();
        Dictionary<string, Entryplus3> entries = [];
        bool eof = false;
        for (ulong cookie = 0; !eof;)
        {
            READDIRPLUS3resok reply = Peer.Readdirplus(Peer.Root(), cookie, maxcount, maxcount).Resok!;
            Assert.That(LengthOf(reply.Write), Is.LessThanOrEqualTo(maxcount));
            eof = reply.Reply.Eof;
            foreach (Entryplus3 entry in reply.Reply.Entries!)
            {
                Assert.That(entries.TryAdd(Encoding.UTF8.GetString(entry.Name), entry with { Nextentry = null }), Is.True);
                cookie = entry.Cookie;
            }
        }

        Assert.That(entries, Has.Count.EqualTo(Many + 2));
        foreach (string name in (string[])["file0", "file999", ".", ".."])
        {
            Entryplus3 entry = entries[name];
            Assert.That(entry.NameAttributes.Attributes, Is.EqualTo(Peer.Attributes(entry.NameHandle.Handle!)), name);
            Assert.That(entry.Fileid, Is.EqualTo(entry.NameAttributes.Attributes!.Fileid), name);
        }

        Assert.That(entries[".."].NameHandle.Handle, Is.EqualTo(Peer.Root()), "there is nothing above an export");
        Assert.That(entries["file7"].NameHandle.Handle, Is.EqualTo(Peer.Find("file7")));
    }

    [Test]
    public void The_names_alone_are_bounded_too()
    {
        MakeMany();
        READDIRPLUS3resok reply = Peer.Readdirplus(Peer.Root(), 0, 512, 1 << 20).Resok!;
        int names = reply.Reply.Entries!.Sum(entry => 24 + ((entry.Name.Length + 3) / 4 * 4));
        Assert.That(names, Is.InRange(400, 512));
    }

    [Test]
    public void Room_for_no_entry_is_too_small()
    {
        Assert.Multiple(() =>
        {
            foreach (uint count in (uint[])[0, 1, 100, 104, 120])
            {
                Assert.That(Peer.Readdir(Peer.Root(), 0, count).Status, Is.EqualTo(Nfsstat3.Nfs3errToosmall), $"{count}");
                Assert.That(Peer.Readdirplus(Peer.Root(), 0, count, count).Status, Is.EqualTo(Nfsstat3.Nfs3errToosmall), $"{count}");
            }

            Assert.That(Peer.Readdir(Peer.Root(), 0, 132).Resok!.Reply.Entries!.Count(), Is.EqualTo(1), "28 bytes for an entry");
        });
    }

    [Test]
    public void An_empty_directory_ends_at_once()
    {
        READDIR3resok reply = Peer.Readdir(Peer.Root(), 0, 4096).Resok!;
        Assert.That(reply.Reply.Entries!.Select(entry => Encoding.UTF8.GetString(entry.Name)), Is.EquivalentTo((string[])[".", ".."]));
        Assert.That(reply.Reply.Eof, Is.True);
        READDIR3resok after = Peer.Readdir(Peer.Root(), reply.Reply.Entries!.Last().Cookie, 4096).Resok!;
        Assert.That((after.Reply.Entries, after.Reply.Eof), Is.EqualTo(((Entry3?)null, true)));
    }

    [Test]
    public void Entries_that_stay_are_listed_once_while_others_come_and_go()
    {
        MakeMany();
        NfsFh3 root = Peer.Root();
        List<string> names = [];
        bool eof = false;
        int round = 0;
        for (ulong cookie = 0; !eof; round++)
        {
            READDIR3resok reply = Peer.Readdir(root, cookie, 1024).Resok!;
            eof = reply.Reply.Eof;
            foreach (Entry3 entry in reply.Reply.Entries ?? Enumerable.Empty<Entry3>())
            {
                names.Add(Encoding.UTF8.GetString(entry.Name));
                cookie = entry.Cookie;
            }

            Peer.NewFile(root, $"new{round}");
            Peer.Remove(root, $"file{2 * round}");   // the even ones go
        }

        string[] stayed = [.. Enumerable.Range(0, Many).Where(i => i % 2 == 1).Select(i => $"file{i}")];
        Assert.That(names.Where(stayed.Contains), Is.EquivalentTo(stayed));
        Assert.That(names, Is.Unique);
    }

    [Test]
    public void A_cookie_holds_when_its_entry_is_gone_and_the_server_another()
    {
        MakeMany();
        READDIR3resok first = Peer.Readdir(Peer.Root(), 0, 4096).Resok!;
        Entry3[] seen = [.. first.Reply.Entries!];
        foreach (Entry3 entry in seen.Where(entry => entry.Name[0] == 'f'))
            File.Delete(Export.At(Encoding.UTF8.GetString(entry.Name)));
        Export.KillAndStartAgain();
        HashSet<string> rest = [];
        bool eof = false;
        for (ulong cookie = seen[^1].Cookie; !eof;)
        {
            READDIR3resok reply = Peer.Readdir(Peer.Root(), cookie, 65536).Resok!;
            eof = reply.Reply.Eof;
            foreach (Entry3 entry in reply.Reply.Entries!)
            {
                Assert.That(rest.Add(Encoding.UTF8.GetString(entry.Name)), Is.True);
                cookie = entry.Cookie;
            }
        }

        Assert.That(rest, Has.Count.EqualTo(Many + 2 - seen.Length));
    }

    [Test]
    public void A_long_directory_is_listed_in_time_that_grows_with_its_length()
    {
        const int Count = 100_000;
        NfsFh3 root = Peer.Root();
        for (int i = 0; i < Count; i++)
            File.Create(Export.At($"{i}")).Dispose();
        int seen = 0;
        bool eof = false;
        for (ulong cookie = 0; !eof;)
        {
            READDIRPLUS3resok reply = Peer.Readdirplus(root, cookie, 8192, 32768).Resok!;
            eof = reply.Reply.Eof;
            foreach (Entryplus3 entry in reply.Reply.Entries!)
            {
                seen++;
                cookie = entry.Cookie;
            }
        }

        Assert.That(seen, Is.EqualTo(Count + 2));
    }

    private static int LengthOf(WriteTo write)
    {
        OutputBuffer output = new();
        write(new XdrWriter(output));
        return output.Length;
    }

    private delegate void WriteTo(XdrWriter writer);

    private void MakeMany()
    {
        for (int i = 0; i < Many; i++)
            File.WriteAllText(Export.At($"file{i}"), $"{i}");
    }
}
